from waypost.postgres.migrate import run_in_env

run_in_env()
