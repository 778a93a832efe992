"""Operations on jobs: search, retry, cancel, run."""
