"""Writes new projects and services.

| module        | content                                                           |
|---------------|-------------------------------------------------------------------|
| `project`     | `write_project(name, parent)`                                     |
| `service`     | `write_service(names, followed)`, into the project of this folder |
| `names`       | the names of a service's parts, derived from its event type       |
| `verbs`       | `dispatched` → `dispatch`                                         |
| `new_files`   | templates to files; a file that exists is never overwritten       |
| `termination` | signals that end the process, so that files are removed first     |

A file `templates/<kind>/…/x.py.template` becomes `…/x.py`. Words in capitals in its path, and names
after `$` in its text, are replaced.
"""
