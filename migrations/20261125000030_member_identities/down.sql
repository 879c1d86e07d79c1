DROP TABLE member_identities;
ALTER TABLE workspace_memberships DROP COLUMN display_name;
