-- A person may belong to several workspaces, none of which may learn of the others from what was
-- typed there. So a member's name belongs to the membership. NULL only in rows that a version from
-- before this step writes while both run.
ALTER TABLE workspace_memberships
    ADD COLUMN display_name text CHECK (length(display_name) BETWEEN 1 AND 200);
UPDATE workspace_memberships m SET display_name = u.display_name FROM users u WHERE u.id = m.user_id;

-- Who signs in as a member, by an identity provider's (issuer, subject). It belongs to the membership
-- and not to the user: the owner of one workspace decides who acts as a member there, and can
-- neither take over what that person is elsewhere nor prepare it for a workspace that adds the
-- address later. (users.oidc_issuer and users.oidc_subject, from before, are not read.)
CREATE TABLE member_identities (
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL,
    issuer text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 500),
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, user_id),
    FOREIGN KEY (workspace_id, user_id)
        REFERENCES workspace_memberships (workspace_id, user_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX member_identities_subject_key ON member_identities (issuer, subject, workspace_id);
