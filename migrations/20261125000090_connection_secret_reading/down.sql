ALTER TABLE provider_connections DROP COLUMN secret_reading;
