#!/bin/bash
# Runs once, in an empty PostgreSQL: a database for each service, owned by a role of its own that
# nobody else may connect as. The passwords are files that the secrets job wrote.
set -Eeuo pipefail

for service in auth users notifications; do
  psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres --quiet <<SQL
\set password \`cat /run/secrets/${service}_password\`
CREATE ROLE ${service} LOGIN PASSWORD :'password';
CREATE DATABASE ${service} OWNER ${service};
REVOKE ALL ON DATABASE ${service} FROM PUBLIC;
SQL
done
