"""The same system in containers: one image for all project processes, official images for the
servers.

| where | what |
|---|---|
| `docker-compose.yml` (top level) | which containers, in which order |
| `Dockerfile` | the image |
| `enter.sh`, `healthy.py` | the entry point of each project container, and its health check |
| `prepare.py`, `databases.py` | one-shot containers: secrets, environments, roles and databases |
| `compose.py`, `__main__.py` | the commands `make … TARGET=compose` |

Names, ports, environments, topics, and the settings of PostgreSQL and Kafka come from
`infra.stack`; `prepare` writes them for each container.
"""
