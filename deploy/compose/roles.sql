-- The database's two accounts: who owns the registry, and who only reads it.
-- psql runs it as the superuser when the database is made; passwords are files.
\set ON_ERROR_STOP on
\set owner_password `cat /run/secrets/owner_password`
\set resolver_password `cat /run/secrets/resolver_password`

-- Migrations and writers. The extensions, btree_gist and pg_trgm, are trusted: an owner may create them.
CREATE ROLE cqar LOGIN PASSWORD :'owner_password';
CREATE DATABASE cqar OWNER cqar;
REVOKE ALL ON DATABASE cqar FROM PUBLIC;

-- Resolvers.
CREATE ROLE cqar_resolver LOGIN PASSWORD :'resolver_password';
GRANT CONNECT ON DATABASE cqar TO cqar_resolver;
ALTER ROLE cqar_resolver SET default_transaction_read_only = on;

\connect cqar
ALTER DEFAULT PRIVILEGES FOR ROLE cqar IN SCHEMA public GRANT SELECT ON TABLES TO cqar_resolver;
