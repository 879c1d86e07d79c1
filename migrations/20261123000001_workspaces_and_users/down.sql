DROP TABLE api_tokens;
DROP TABLE workspace_memberships;
DROP TABLE users;
DROP TABLE workspaces;
