"""Runs an application's processes on this machine under one supervisor: for development, not for
production.

| module         | content                                                                  |
|----------------|--------------------------------------------------------------------------|
| `parts`        | `Component`: a server, or a one-shot that runs once and ends             |
| `supervisor`   | starts components after their dependencies, restarts them when they end  |
| `status_board` | the state of each component, in memory and in a file; `table` shows it   |
| `supervision`  | the supervisor's process: one per folder, until a signal                 |
| `client`       | starts that process in the background, watches it, stops it              |
| `requests`     | changes that the client asks the supervisor for                          |
| `ports`        | the ports of a project's processes                                       |
| `keys`         | passwords, and the key that signs development tokens                     |
| `environment`  | the variables of each process, and of the `waypost` command              |
| `plan`         | every component of a project's stack                                     |
| `issuer`       | publishes the public key of development tokens                           |
| `stack`        | the folder, client and supervisor of a project's stack                   |

An application with its own plan can use the modules from `parts` to `requests`.
"""
