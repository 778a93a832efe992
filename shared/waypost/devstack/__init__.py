"""An application's processes on this machine, under one supervisor: for development, never for
production.

| module         | content                                                                              |
|----------------|--------------------------------------------------------------------------------------|
| `parts`        | `Component`: a server that keeps running, or a one-shot that runs once to its end     |
| `supervisor`   | starts components when their dependencies are up, restarts them when they end         |
| `status_board` | what each component is doing, in memory and in a file; `table` shows it               |
| `supervision`  | the supervisor's process: one per folder, until a signal                              |
| `client`       | starts that process in the background, watches it, stops it; `requests` asks for changes |
| `ports`        | where each process of a project answers                                               |
| `keys`         | passwords and the key that signs development tokens                                   |
| `environment`  | the variables of each process, and of the `waypost` command                           |
| `plan`         | every component of a project's stack                                                  |
| `issuer`       | publishes the public key of development tokens                                        |
| `stack`        | the folder, client and supervisor of the project's stack                           |

Those up to `client` serve any application that has a plan of its own.
"""
