-- A database at version 0001 of the toolkit, with a row in each table: made by pg_dump --no-owner --column-inserts.
-- A released version is frozen; so is this file.
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.consumer_offsets (
    consumer text NOT NULL,
    topic text NOT NULL,
    topic_id uuid,
    partition integer NOT NULL,
    next_offset bigint DEFAULT 0 NOT NULL,
    starts integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.consumer_versions (
    consumer text NOT NULL,
    topic text NOT NULL,
    aggregate_id uuid NOT NULL,
    version bigint NOT NULL
);
CREATE TABLE public.dead_letters (
    id uuid NOT NULL,
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    tenant_id uuid,
    type text,
    topic text NOT NULL,
    partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    key bytea,
    key_digest bytea GENERATED ALWAYS AS (sha256(key)) STORED,
    sequence bigint,
    headers jsonb NOT NULL,
    payload bytea,
    status text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    unfinished integer DEFAULT 0 NOT NULL,
    redrives integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone,
    error_class text,
    error text,
    fingerprint text,
    retryable boolean,
    awaits_topic boolean,
    location text,
    traceback text,
    first_failed_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT dead_letters_status_check CHECK ((status = ANY (ARRAY['retrying'::text, 'dead'::text, 'waiting'::text, 'redriven'::text, 'discarded'::text, 'superseded'::text])))
);
COMMENT ON TABLE public.dead_letters IS 'across tenants';
CREATE TABLE public.events (
    tenant_id uuid NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id uuid NOT NULL,
    version bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    schema_id integer NOT NULL,
    payload bytea NOT NULL,
    metadata jsonb NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    "position" bigint NOT NULL,
    CONSTRAINT events_version_check CHECK ((version > 0))
);
ALTER TABLE ONLY public.events FORCE ROW LEVEL SECURITY;
ALTER TABLE public.events ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.events_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.idempotency_keys (
    tenant_id uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    body_hash bytea NOT NULL,
    status smallint NOT NULL,
    headers jsonb DEFAULT '{}'::jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE TABLE public.job_results (
    tenant_id uuid NOT NULL,
    job_id uuid NOT NULL,
    owner_id uuid,
    name text NOT NULL,
    idempotency_key text,
    status text DEFAULT 'queued'::text NOT NULL,
    progress smallint DEFAULT 0 NOT NULL,
    result jsonb,
    error text,
    attempts integer DEFAULT 0 NOT NULL,
    enqueued_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT job_results_progress_check CHECK (((progress >= 0) AND (progress <= 100))),
    CONSTRAINT job_results_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'complete'::text, 'dead'::text, 'cancelled'::text])))
);
ALTER TABLE ONLY public.job_results FORCE ROW LEVEL SECURITY;
CREATE TABLE public.job_schedules (
    name text NOT NULL,
    last_tick timestamp with time zone NOT NULL
);
CREATE TABLE public.jobs (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    arguments jsonb NOT NULL,
    idempotency_key text,
    priority integer NOT NULL,
    enqueued_at timestamp with time zone NOT NULL,
    run_at timestamp with time zone NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    crashed boolean DEFAULT false NOT NULL,
    lease uuid,
    lease_until timestamp with time zone,
    worker text,
    started_at timestamp with time zone,
    error text,
    correlation_id uuid NOT NULL,
    causation_id uuid NOT NULL,
    traceparent text,
    tracestate text,
    actor_id uuid,
    redrives integer DEFAULT 0 NOT NULL,
    CONSTRAINT jobs_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'dead'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.0', autovacuum_vacuum_threshold='5000');
COMMENT ON TABLE public.jobs IS 'across tenants';
CREATE TABLE public.operator_actions (
    id uuid NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    operator text NOT NULL,
    reason text NOT NULL,
    verb text NOT NULL,
    subject text NOT NULL,
    tenant_id uuid,
    facts jsonb NOT NULL
);
COMMENT ON TABLE public.operator_actions IS 'across tenants';
CREATE TABLE public.outbox (
    shard smallint NOT NULL,
    id bigint NOT NULL,
    event_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    topic text NOT NULL,
    key bytea NOT NULL,
    payload bytea NOT NULL,
    headers json NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT outbox_shard_check CHECK (((shard >= 0) AND (shard <= 15)))
)
WITH (autovacuum_vacuum_scale_factor='0.0', autovacuum_vacuum_threshold='5000');
COMMENT ON TABLE public.outbox IS 'across tenants';
ALTER TABLE public.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.outbox_quarantine (
    shard smallint NOT NULL,
    key bytea NOT NULL,
    reason text NOT NULL,
    quarantined_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.parked_keys (
    consumer text NOT NULL,
    topic text NOT NULL,
    key bytea NOT NULL,
    key_digest bytea GENERATED ALWAYS AS (sha256(key)) STORED NOT NULL,
    parked_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.processed_messages (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    processed_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE public.processed_messages IS 'across tenants';
CREATE TABLE public.waypost_version (
    version_num character varying(32) NOT NULL
);
INSERT INTO public.consumer_offsets (consumer, topic, topic_id, partition, next_offset, starts) VALUES ('billing.customers', 'users.user', '01a21327-343b-78b8-828e-29818cbf0008', 1, 45, 0);
INSERT INTO public.consumer_versions (consumer, topic, aggregate_id, version) VALUES ('billing.customers', 'users.user', '01a21327-343b-78b8-828e-29818cbf0002', 2);
INSERT INTO public.dead_letters (id, consumer, event_id, tenant_id, type, topic, partition, kafka_offset, key, sequence, headers, payload, status, attempts, unfinished, redrives, next_attempt_at, error_class, error, fingerprint, first_failed_at, updated_at) VALUES ('01a21327-343b-78b8-828e-29818cbf0023', 'billing.customers', '01a21327-343b-78b8-828e-29818cbf0003', '01a21327-343b-78b8-828e-29818cbf0001', 'user.erased', 'users.user', 1, 43, '\x30316132313332372d333433622d373862382d383238652d323938313863626630303032', 3, '{"key": "01a21327-343b-78b8-828e-29818cbf0002", "headers": [["ce_id", "01a21327-343b-78b8-828e-29818cbf0003"], ["odd", {"base64": "/w=="}]], "timestamp_ms": 1760000000000}', '\x00ff6279746573', 'dead', 3, 0, 0, NULL, 'Permanent', 'no such customer', 'abc', '2026-11-29 10:25:45.405302+00', '2026-11-29 10:25:45.405302+00');
INSERT INTO public.dead_letters (id, consumer, event_id, tenant_id, type, topic, partition, kafka_offset, key, sequence, headers, payload, status, attempts, unfinished, redrives, next_attempt_at, error_class, error, fingerprint, first_failed_at, updated_at) VALUES ('01a21327-343b-78b8-828e-29818cbf0024', 'billing.customers', '01a21327-343b-78b8-828e-29818cbf0004', '01a21327-343b-78b8-828e-29818cbf0001', 'user.erased', 'users.user', 1, 44, '\x30316132313332372d333433622d373862382d383238652d323938313863626630303032', 4, '{"key": "01a21327-343b-78b8-828e-29818cbf0002", "headers": [["ce_id", "01a21327-343b-78b8-828e-29818cbf0004"], ["odd", {"base64": "/w=="}]], "timestamp_ms": 1760000000000}', '\x00ff6279746573', 'waiting', 0, 0, 0, NULL, NULL, NULL, NULL, '2026-11-29 10:25:45.405302+00', '2026-11-29 10:25:45.405302+00');
INSERT INTO public.events (tenant_id, aggregate_type, aggregate_id, version, event_id, type, schema_id, payload, metadata, occurred_at, "position") OVERRIDING SYSTEM VALUE VALUES ('01a21327-343b-78b8-828e-29818cbf0001', 'invoice', '01a21327-343b-78b8-828e-29818cbf0002', 1, '01a21327-343b-78b8-828e-29818cbf0006', 'invoice.created', 1, '\x00', '{}', '2026-11-01 00:00:00+00', 1);
INSERT INTO public.idempotency_keys (tenant_id, route, key, body_hash, status, headers, body, created_at) VALUES ('01a21327-343b-78b8-828e-29818cbf0001', 'POST /invoices', 'k1', '\x01', 201, '{}', '\x7b7d', '2026-11-01 00:00:00+00');
INSERT INTO public.job_results (tenant_id, job_id, owner_id, name, idempotency_key, status, progress, result, error, attempts, enqueued_at, started_at, finished_at) VALUES ('01a21327-343b-78b8-828e-29818cbf0001', '01a226d6-dd80-7db9-b8f2-bd8b5a9d310d', NULL, 'charge', NULL, 'queued', 0, NULL, NULL, 0, '2026-11-29 10:25:45.344774+00', NULL, NULL);
INSERT INTO public.job_schedules (name, last_tick) VALUES ('renewals', '2026-11-01 00:00:00+00');
INSERT INTO public.jobs (id, tenant_id, name, arguments, idempotency_key, priority, enqueued_at, run_at, status, attempts, crashed, lease, lease_until, worker, started_at, error, correlation_id, causation_id, traceparent, tracestate, actor_id, redrives) VALUES ('01a226d6-dd80-7db9-b8f2-bd8b5a9d310d', '01a21327-343b-78b8-828e-29818cbf0001', 'charge', '{"invoice_id": "01a21327-343b-78b8-828e-29818cbf0007"}', NULL, 0, '2026-11-29 10:25:45.344774+00', '2026-11-29 10:25:45.344774+00', 'queued', 0, false, NULL, NULL, NULL, NULL, NULL, '01a226d6-dd80-7b14-bc16-7364ce1d487c', '01a226d6-dd80-7b14-bc16-7364ce1d487c', NULL, NULL, NULL, 0);
INSERT INTO public.operator_actions (id, at, operator, reason, verb, subject, tenant_id, facts) VALUES ('01a21327-343b-78b8-828e-29818cbf0009', '2026-11-29 10:25:45.394146+00', 'ada', 'a mended handler', 'dead_letters.redrive', 'x', '01a21327-343b-78b8-828e-29818cbf0001', '{}');
INSERT INTO public.outbox (shard, id, event_id, tenant_id, topic, key, payload, headers, created_at) OVERRIDING SYSTEM VALUE VALUES (9, 1, '01a21327-343b-78b8-828e-29818cbf0006', '01a21327-343b-78b8-828e-29818cbf0001', 'billing.invoice', '\x30316132313332372d333433622d373862382d383238652d323938313863626630303032', '\x00017075626c6973686564206c61746572', '{"ce_id": "01a21327-343b-78b8-828e-29818cbf0006"}', '2026-11-29 10:25:45.378789+00');
INSERT INTO public.outbox_quarantine (shard, key, reason, quarantined_at) VALUES (3, '\x72656675736564', 'MessageTooLarge', '2026-11-29 10:25:45.38915+00');
INSERT INTO public.parked_keys (consumer, topic, key, parked_at) VALUES ('billing.customers', 'users.user', '\x30316132313332372d333433622d373862382d383238652d323938313863626630303032', '2026-11-29 10:25:45.405302+00');
INSERT INTO public.processed_messages (consumer, event_id, tenant_id, topic, partition, kafka_offset, processed_at) VALUES ('billing.customers', '01a21327-343b-78b8-828e-29818cbf0002', '01a21327-343b-78b8-828e-29818cbf0001', 'users.user', 1, 42, '2026-11-01 00:00:00+00');
INSERT INTO public.waypost_version (version_num) VALUES ('0001');
SELECT pg_catalog.setval('public.events_position_seq', 1, true);
SELECT pg_catalog.setval('public.outbox_id_seq', 1, true);
ALTER TABLE ONLY public.consumer_offsets
    ADD CONSTRAINT consumer_offsets_pkey PRIMARY KEY (consumer, topic, partition);
ALTER TABLE ONLY public.consumer_versions
    ADD CONSTRAINT consumer_versions_pkey PRIMARY KEY (consumer, topic, aggregate_id);
ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_consumer_event_id_key UNIQUE (consumer, event_id);
ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (tenant_id, aggregate_type, aggregate_id, version);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_tenant_id_event_id_key UNIQUE (tenant_id, event_id);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, route, key);
ALTER TABLE ONLY public.job_results
    ADD CONSTRAINT job_results_pkey PRIMARY KEY (tenant_id, job_id);
ALTER TABLE ONLY public.job_schedules
    ADD CONSTRAINT job_schedules_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.operator_actions
    ADD CONSTRAINT operator_actions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (shard, id);
ALTER TABLE ONLY public.outbox_quarantine
    ADD CONSTRAINT outbox_quarantine_pkey PRIMARY KEY (shard, key);
ALTER TABLE ONLY public.parked_keys
    ADD CONSTRAINT parked_keys_pkey PRIMARY KEY (consumer, topic, key_digest);
ALTER TABLE ONLY public.processed_messages
    ADD CONSTRAINT processed_messages_pkey PRIMARY KEY (consumer, event_id);
ALTER TABLE ONLY public.waypost_version
    ADD CONSTRAINT waypost_version_pkc PRIMARY KEY (version_num);
CREATE INDEX dead_letters_due ON public.dead_letters USING btree (consumer, next_attempt_at) WHERE (status = 'retrying'::text);
CREATE INDEX dead_letters_of_key ON public.dead_letters USING btree (consumer, topic, key_digest, sequence);
CREATE INDEX dead_letters_open ON public.dead_letters USING btree (consumer, status) WHERE (status = ANY (ARRAY['retrying'::text, 'dead'::text, 'waiting'::text]));
CREATE INDEX job_results_by_age ON public.job_results USING btree (tenant_id, finished_at) WHERE (finished_at IS NOT NULL);
CREATE UNIQUE INDEX job_results_once ON public.job_results USING btree (tenant_id, name, idempotency_key) WHERE (idempotency_key IS NOT NULL);
CREATE INDEX jobs_due ON public.jobs USING btree (crashed, priority DESC, run_at) WHERE (status = 'queued'::text);
CREATE INDEX jobs_leased ON public.jobs USING btree (lease_until) WHERE (status = 'running'::text);
CREATE INDEX processed_messages_by_age ON public.processed_messages USING brin (processed_at);
ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.job_results ENABLE ROW LEVEL SECURITY;
CREATE POLICY rebuilds ON public.events FOR SELECT TO billing_owner USING (true);
CREATE POLICY tenants ON public.events USING ((tenant_id = ANY (( SELECT (string_to_array(NULLIF(current_setting('app.tenants'::text, true), ''::text), ','::text))::uuid[] AS string_to_array)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT (string_to_array(NULLIF(current_setting('app.tenants'::text, true), ''::text), ','::text))::uuid[] AS string_to_array)::uuid[])));
CREATE POLICY tenants ON public.idempotency_keys USING ((tenant_id = ANY (( SELECT (string_to_array(NULLIF(current_setting('app.tenants'::text, true), ''::text), ','::text))::uuid[] AS string_to_array)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT (string_to_array(NULLIF(current_setting('app.tenants'::text, true), ''::text), ','::text))::uuid[] AS string_to_array)::uuid[])));
CREATE POLICY tenants ON public.job_results USING ((tenant_id = ANY (( SELECT (string_to_array(NULLIF(current_setting('app.tenants'::text, true), ''::text), ','::text))::uuid[] AS string_to_array)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT (string_to_array(NULLIF(current_setting('app.tenants'::text, true), ''::text), ','::text))::uuid[] AS string_to_array)::uuid[])));
GRANT USAGE ON SCHEMA public TO billing_app;
GRANT USAGE ON SCHEMA public TO billing_relay;
GRANT USAGE ON SCHEMA public TO billing_ops;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.consumer_offsets TO billing_app;
GRANT SELECT ON TABLE public.consumer_offsets TO billing_ops;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.consumer_versions TO billing_app;
GRANT SELECT ON TABLE public.consumer_versions TO billing_ops;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.dead_letters TO billing_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.dead_letters TO billing_ops;
GRANT SELECT,INSERT ON TABLE public.events TO billing_app;
GRANT SELECT ON TABLE public.events TO billing_ops;
GRANT UPDATE(schema_id) ON TABLE public.events TO billing_app;
GRANT UPDATE(payload) ON TABLE public.events TO billing_app;
GRANT SELECT,INSERT,DELETE ON TABLE public.idempotency_keys TO billing_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.job_results TO billing_app;
GRANT SELECT ON TABLE public.job_results TO billing_ops;
GRANT UPDATE(status) ON TABLE public.job_results TO billing_ops;
GRANT UPDATE(error) ON TABLE public.job_results TO billing_ops;
GRANT UPDATE(finished_at) ON TABLE public.job_results TO billing_ops;
GRANT SELECT,INSERT,UPDATE ON TABLE public.job_schedules TO billing_app;
GRANT SELECT ON TABLE public.job_schedules TO billing_ops;
GRANT SELECT,INSERT,DELETE ON TABLE public.jobs TO billing_app;
GRANT SELECT,DELETE ON TABLE public.jobs TO billing_ops;
GRANT UPDATE(run_at) ON TABLE public.jobs TO billing_app;
GRANT UPDATE(run_at) ON TABLE public.jobs TO billing_ops;
GRANT UPDATE(status) ON TABLE public.jobs TO billing_app;
GRANT UPDATE(status) ON TABLE public.jobs TO billing_ops;
GRANT UPDATE(attempts) ON TABLE public.jobs TO billing_app;
GRANT UPDATE(attempts) ON TABLE public.jobs TO billing_ops;
GRANT UPDATE(crashed) ON TABLE public.jobs TO billing_app;
GRANT UPDATE(crashed) ON TABLE public.jobs TO billing_ops;
GRANT UPDATE(lease) ON TABLE public.jobs TO billing_app;
GRANT UPDATE(lease_until) ON TABLE public.jobs TO billing_app;
GRANT UPDATE(worker) ON TABLE public.jobs TO billing_app;
GRANT UPDATE(started_at) ON TABLE public.jobs TO billing_app;
GRANT UPDATE(error) ON TABLE public.jobs TO billing_app;
GRANT UPDATE(error) ON TABLE public.jobs TO billing_ops;
GRANT UPDATE(redrives) ON TABLE public.jobs TO billing_ops;
GRANT INSERT ON TABLE public.operator_actions TO billing_app;
GRANT SELECT,INSERT ON TABLE public.operator_actions TO billing_ops;
GRANT INSERT ON TABLE public.outbox TO billing_app;
GRANT SELECT,DELETE ON TABLE public.outbox TO billing_relay;
GRANT SELECT ON TABLE public.outbox TO billing_ops;
GRANT SELECT,INSERT,DELETE ON TABLE public.outbox_quarantine TO billing_relay;
GRANT SELECT,DELETE ON TABLE public.outbox_quarantine TO billing_ops;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.parked_keys TO billing_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.parked_keys TO billing_ops;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.processed_messages TO billing_app;
GRANT SELECT ON TABLE public.processed_messages TO billing_ops;
GRANT SELECT ON TABLE public.waypost_version TO billing_app;
GRANT SELECT ON TABLE public.waypost_version TO billing_ops;
