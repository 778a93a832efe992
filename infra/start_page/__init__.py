"""One page that lists every page of a running stack."""
