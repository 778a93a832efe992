"""Confluent's errors: `{error_code, message}`, where the first three digits of the code are the
HTTP status.
"""


class RegistryError(Exception):
    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.status = int(str(code)[:3])
        super().__init__(message)


def subject_not_found(subject: str) -> RegistryError:
    return RegistryError(40401, f"Subject '{subject}' not found.")


def version_not_found(version: int) -> RegistryError:
    return RegistryError(40402, f"Version {version} not found.")


def schema_not_found(schema_id: int | None = None) -> RegistryError:
    return RegistryError(40403, "Schema not found" if schema_id is None else f"Schema {schema_id} not found")


def no_own_compatibility(subject: str) -> RegistryError:
    return RegistryError(40408, f"Subject '{subject}' does not have subject-level compatibility configured")


def no_own_mode(subject: str) -> RegistryError:
    return RegistryError(40409, f"Subject '{subject}' does not have subject-level mode configured")


def invalid_version(version: str) -> RegistryError:
    return RegistryError(
        42202,
        f"The specified version '{version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\"",
    )


def read_only() -> RegistryError:
    return RegistryError(405, "This registry is read-only: schemas are registered by committing the lock file")
