"""Tables of the inbox: the mail as received, and the fields that a search uses."""

TABLES = """
create table if not exists mails (
    id            integer primary key autoincrement,  -- never reused, also after deletion: pages poll by it
    received_at   text not null,
    envelope_from text not null,
    sender        text not null,
    addressees    text not null,
    subject       text not null,
    preview       text not null,
    raw           blob not null
);

create table if not exists recipients (
    mail    integer not null references mails (id) on delete cascade,
    address text not null,
    primary key (mail, address)
) without rowid;
create index if not exists recipients_by_address on recipients (address, mail);

create table if not exists headers (
    mail  integer not null references mails (id) on delete cascade,
    name  text not null,
    value text not null
);
create index if not exists headers_by_value on headers (name, value, mail);
create index if not exists headers_by_mail on headers (mail);
"""
