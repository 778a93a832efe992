from shared.postgres.migrate import run_in_env

run_in_env()
