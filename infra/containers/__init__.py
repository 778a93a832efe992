"""The same system in containers: one image for every process of ours, official images for what is
not.

| where | what |
|---|---|
| `docker-compose.yml` (top level) | which containers, in which order |
| `Dockerfile` | the image; here rather than at the top, for what lies at the top is what a person types |
| `enter.sh`, `healthy.py` | how a container of ours begins, and how it is asked whether it is well |
| `prepare.py`, `databases.py` | one-shots within the stack: secrets, environments, roles and databases |
| `compose.py`, `__main__.py` | the commands `make … TARGET=compose` |

Names, ports, environments, topics, and the settings of PostgreSQL and Kafka are those of
`infra.stack`: `prepare` writes them down for each container.
"""
