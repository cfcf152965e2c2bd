-- The database's accounts: who owns the registry, and who writes, reads and audits it. What each of
-- the latter may do with which table is said by the migrations (migrations/rights.py), each time.
-- psql runs it as the superuser when the database is made; passwords are files.
\set ON_ERROR_STOP on
\set owner_password `cat /run/secrets/owner_password`
\set writer_password `cat /run/secrets/writer_password`
\set resolver_password `cat /run/secrets/resolver_password`
\set auditor_password `cat /run/secrets/auditor_password`

-- Migrations only. The extensions, btree_gist and pg_trgm, are trusted: an owner may create them.
CREATE ROLE cqar LOGIN PASSWORD :'owner_password';
CREATE DATABASE cqar OWNER cqar;
REVOKE ALL ON DATABASE cqar FROM PUBLIC;

CREATE ROLE cqar_writer LOGIN PASSWORD :'writer_password';
CREATE ROLE cqar_resolver LOGIN PASSWORD :'resolver_password';
-- `cqar audit verify`.
CREATE ROLE cqar_auditor LOGIN PASSWORD :'auditor_password';
GRANT CONNECT ON DATABASE cqar TO cqar_writer, cqar_resolver, cqar_auditor;
ALTER ROLE cqar_resolver SET default_transaction_read_only = on;
ALTER ROLE cqar_auditor SET default_transaction_read_only = on;

\connect cqar
-- Nobody but the owner makes anything.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
