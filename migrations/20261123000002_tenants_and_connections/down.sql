DROP TABLE graph_lanes;
DROP TABLE provider_connections;
DROP TABLE tenant_memberships;
DROP TABLE managed_tenants;
