"""The identity of a record: detects another record at the offset of one that was processed."""

from hashlib import blake2b

from waypost.kernel.envelope import Record

OFFSET_BYTES = 8
DIGEST_BYTES = 16


def identity_of(record: Record) -> bytes:
    """The offset, and a digest of the timestamp, the key, the value and the values of the headers.
    An event that is published again has another identity, because its record has another timestamp.
    """
    fields = [record.key, record.value, *(value for _, value in record.headers)]
    lengths = [-1 if field is None else len(field) for field in fields]
    content = b"%d %a %b" % (record.timestamp_ms, lengths, b"".join(field or b"" for field in fields))
    return _prefix(record.offset) + blake2b(content, digest_size=DIGEST_BYTES).digest()


def is_before(identity: bytes | None, next_offset: int) -> bool:
    """Whether the identity is that of the record before the offset. It is not if an operator has
    moved the position.
    """
    return identity is not None and next_offset > 0 and identity.startswith(_prefix(next_offset - 1))


def _prefix(offset: int) -> bytes:
    return offset.to_bytes(OFFSET_BYTES)
