//! The commands that are one call of the API each. What each of them sends stands in one table,
//! `commands/resources.rs`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::client::{ClientArguments, Group};
use super::promotion::WaitingArguments;

/// A command that is one call.
#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// Who the token stands for, and what it may do.
    Me(ClientArguments),
    /// The workspaces you are a member of.
    Workspaces(Group<WorkspacesCommand>),
    /// The tenants of the workspace.
    Tenants(Group<TenantsCommand>),
    /// How a tenant's Microsoft Graph is reached.
    Connections(Group<ConnectionsCommand>),
    /// The members of the workspace.
    Members(Group<MembersCommand>),
    /// Roles of members on one tenant.
    TenantMembers(Group<TenantMembersCommand>),
    /// API tokens.
    Tokens(Group<TokensCommand>),
    /// Pause and enable operations.
    Controls(Group<ControlsCommand>),
    /// Groups, filters, scope tags and other objects of a tenant that mappings name.
    References(Group<ReferencesCommand>),
    /// Captured policies of a tenant and their versions.
    Policies(Group<PoliciesCommand>),
    /// What became of your runs.
    Notifications(Group<NotificationsCommand>),
    /// Policy types and operations.
    Catalog(Group<CatalogCommand>),
}

impl ResourceCommand {
    /// Where the API is, and how the answer is printed.
    pub(crate) fn client(&self) -> &ClientArguments {
        match self {
            Self::Me(client) => client,
            Self::Workspaces(group) => &group.client,
            Self::Tenants(group) => &group.client,
            Self::Connections(group) => &group.client,
            Self::Members(group) => &group.client,
            Self::TenantMembers(group) => &group.client,
            Self::Tokens(group) => &group.client,
            Self::Controls(group) => &group.client,
            Self::References(group) => &group.client,
            Self::Policies(group) => &group.client,
            Self::Notifications(group) => &group.client,
            Self::Catalog(group) => &group.client,
        }
    }
}

/// How much of a list.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Listed {
    /// How many at most.
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// The tenant a command is about.
#[derive(Args, Clone, Debug)]
pub(crate) struct OfTenant {
    /// The tenant, by id or display name.
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: String,
}

/// A role in a workspace or on a tenant.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Role {
    /// May look.
    Readonly,
    /// May also capture, compare and promote.
    Operator,
    /// May also manage connections and restore.
    Manager,
    /// May do everything.
    Owner,
}

/// `workspaces ...`
#[derive(Debug, Subcommand)]
pub(crate) enum WorkspacesCommand {
    /// List them.
    List(Listed),
    /// Show the workspace the command works in.
    Show,
}

/// `tenants ...`
#[derive(Debug, Subcommand)]
pub(crate) enum TenantsCommand {
    /// List them.
    List(Listed),
    /// Add a tenant.
    Add {
        /// What to call it.
        #[arg(long, value_name = "NAME")]
        name: String,
        /// Its id in Entra.
        #[arg(long, value_name = "ID")]
        entra_tenant_id: String,
    },
    /// Show one.
    Show {
        /// The tenant, by id or display name.
        tenant: String,
    },
    /// Call it something else.
    Rename {
        /// The tenant, by id or display name.
        tenant: String,
        /// Its new name.
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// End a customer: credential, inventory and references are erased, runs and audit stay.
    Remove {
        /// The tenant, by id or display name.
        tenant: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// `connections ...`
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionsCommand {
    /// Set how a tenant is reached. Without another choice the client secret is read from standard
    /// input; no secret is ever an argument.
    Set(SetConnection),
    /// Show it, without its secret.
    Show(OfTenant),
    /// Try it: sign in and read.
    Check {
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        waiting: WaitingArguments,
    },
    /// Allow or forbid reading the encrypted OMA-URI values of a tenant.
    SecretReading {
        #[command(flatten)]
        of: OfTenant,
        /// Allowed or forbidden.
        #[arg(long, value_enum, value_name = "STATE")]
        state: Allowance,
        /// Why; it is audited.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Erase it and its credential.
    Remove {
        #[command(flatten)]
        of: OfTenant,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// Arguments of `connections set`.
#[derive(Args, Debug)]
pub(crate) struct SetConnection {
    #[command(flatten)]
    pub(crate) of: OfTenant,
    /// The application's client id.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: String,
    /// The Microsoft cloud: global, us_gov, us_gov_dod or china.
    #[arg(long, value_name = "CLOUD", default_value = "global")]
    pub(crate) cloud: String,
    /// A file with the client secret (`-`, the default, reads standard input).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate_file", "federated_token"])]
    pub(crate) secret_file: Option<PathBuf>,
    /// A certificate as PEM, in place of a client secret.
    #[arg(long, value_name = "FILE", requires = "private_key_file")]
    pub(crate) certificate_file: Option<PathBuf>,
    /// Its private key as PEM (`-` reads standard input).
    #[arg(long, value_name = "FILE", requires = "certificate_file")]
    pub(crate) private_key_file: Option<PathBuf>,
    /// A token file that the worker's configuration knows by this name, in place of a secret.
    #[arg(long, value_name = "NAME", conflicts_with = "certificate_file")]
    pub(crate) federated_token: Option<String>,
    /// When the credential ends, for example 2027-06-30T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires_at: Option<String>,
}

/// Whether encrypted values may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Allowance {
    /// Captures keep a fingerprint; a promotion reads the value while it writes.
    Allowed,
    /// Nothing reads them.
    Forbidden,
}

/// `members ...`
#[derive(Debug, Subcommand)]
pub(crate) enum MembersCommand {
    /// List them.
    List(Listed),
    /// Add a person by email, or a service by name.
    Add {
        /// The person's address.
        #[arg(long, required_unless_present = "service", value_name = "EMAIL")]
        email: Option<String>,
        /// A service rather than a person: needs --name.
        #[arg(long, requires = "name", conflicts_with = "email")]
        service: bool,
        /// What to call them.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Their role in the workspace.
        #[arg(long, value_enum, value_name = "ROLE")]
        role: Role,
    },
    /// Give another role.
    Change {
        /// The member, by id, email or name.
        member: String,
        /// Their new role in the workspace.
        #[arg(long, value_enum, value_name = "ROLE")]
        role: Role,
    },
    /// Let somebody whom the identity provider knows sign in as this member.
    Link {
        /// The member, by id, email or name.
        member: String,
        /// Issuer of their access tokens.
        #[arg(long, value_name = "URL")]
        issuer: String,
        /// Their subject at the issuer.
        #[arg(long, value_name = "SUBJECT")]
        subject: String,
    },
    /// Take that link away.
    Unlink {
        /// The member, by id, email or name.
        member: String,
    },
    /// Remove from the workspace.
    Remove {
        /// The member, by id, email or name.
        member: String,
    },
}

/// `tenant-members ...`
#[derive(Debug, Subcommand)]
pub(crate) enum TenantMembersCommand {
    /// List them.
    List {
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        listed: Listed,
    },
    /// Give a member a role on the tenant.
    Set {
        /// The member, by id, email or name.
        member: String,
        #[command(flatten)]
        of: OfTenant,
        /// The role on the tenant.
        #[arg(long, value_enum, value_name = "ROLE")]
        role: Role,
    },
    /// Take the role on the tenant away.
    Remove {
        /// The member, by id, email or name.
        member: String,
        #[command(flatten)]
        of: OfTenant,
    },
}

/// `tokens ...`
#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// List them; the tokens themselves are kept nowhere.
    List(Listed),
    /// Make one. It is shown only now.
    Create {
        /// What to call it.
        #[arg(long, value_name = "NAME")]
        name: String,
        /// The member it stands for, by id, email or name (default: you).
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
        /// Only these capabilities.
        #[arg(long, value_name = "CAPABILITIES", value_delimiter = ',')]
        capabilities: Vec<String>,
        /// After how many days it ends (default: never).
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
    },
    /// End one.
    Revoke {
        /// The token, by id or name.
        token: String,
    },
}

/// `controls ...`
#[derive(Debug, Subcommand)]
pub(crate) enum ControlsCommand {
    /// List them.
    List(Listed),
    /// Let no run of an operation start or go on.
    Pause(Control),
    /// Let them again.
    Enable(Control),
}

/// Arguments of `controls pause` and `enable`.
#[derive(Args, Debug)]
pub(crate) struct Control {
    /// The operation, as `catalog operations` lists it, for example promotion.execute.
    pub(crate) operation: String,
    /// Only on this tenant, by id or display name.
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// Why; it is audited.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// `references ...`
#[derive(Debug, Subcommand)]
pub(crate) enum ReferencesCommand {
    /// List what is known of a tenant.
    List {
        #[command(flatten)]
        of: OfTenant,
        /// Only this kind, for example group.
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
        /// Only names that contain this text.
        #[arg(long, value_name = "TEXT")]
        query: Option<String>,
        #[command(flatten)]
        listed: Listed,
    },
    /// Look in the tenant itself for objects that no policy names, and make them references.
    Search {
        #[command(flatten)]
        of: OfTenant,
        /// The kind, for example user.
        #[arg(long, value_name = "KIND")]
        kind: String,
        /// What the name begins with; three characters at least.
        #[arg(long, value_name = "TEXT")]
        query: String,
        #[command(flatten)]
        waiting: WaitingArguments,
    },
}

/// `policies ...`
#[derive(Debug, Subcommand)]
pub(crate) enum PoliciesCommand {
    /// List them.
    List {
        #[command(flatten)]
        of: OfTenant,
        /// Only this type.
        #[arg(long = "type", value_name = "TYPE")]
        policy_type: Option<String>,
        /// Only names that contain this text.
        #[arg(long, value_name = "TEXT")]
        query: Option<String>,
        /// Also those that are gone from the tenant.
        #[arg(long)]
        removed: bool,
        #[command(flatten)]
        listed: Listed,
    },
    /// Show one, or with --version what one of its versions holds.
    Show {
        /// The policy, by id or name.
        policy: String,
        #[command(flatten)]
        of: OfTenant,
        /// A version's id.
        #[arg(long, value_name = "VERSION")]
        version: Option<String>,
    },
    /// List the captured versions of one.
    Versions {
        /// The policy, by id or name.
        policy: String,
        #[command(flatten)]
        of: OfTenant,
        #[command(flatten)]
        listed: Listed,
    },
    /// Show what changed between two versions of one.
    Diff(PolicyDiff),
    /// Write an earlier version back to the tenant.
    Restore(Restore),
}

/// Arguments of `policies diff`.
#[derive(Args, Debug)]
pub(crate) struct PolicyDiff {
    /// The policy, by id or name.
    pub(crate) policy: String,
    #[command(flatten)]
    pub(crate) of: OfTenant,
    /// The earlier version's id.
    #[arg(long, value_name = "VERSION")]
    pub(crate) from: String,
    /// The later version's id (default: the current one).
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<String>,
}

/// Arguments of `policies restore`.
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// The policy, by id or name.
    pub(crate) policy: String,
    #[command(flatten)]
    pub(crate) of: OfTenant,
    /// The version to write back.
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: String,
    /// The current version as it was reviewed; the restore is refused when it is another by now.
    #[arg(long, value_name = "VERSION")]
    pub(crate) expected_current_version: String,
    /// A Conditional Access policy that is not in force stays so (keep), or gets the captured state
    /// (as_captured).
    #[arg(long, value_name = "STATE")]
    pub(crate) conditional_access_state: Option<String>,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) waiting: WaitingArguments,
}

/// `notifications ...`
#[derive(Debug, Subcommand)]
pub(crate) enum NotificationsCommand {
    /// List them, newest first.
    List(Listed),
    /// Mark one as read.
    Read {
        /// The notification's id.
        notification: String,
    },
}

/// `catalog ...`
#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// The policy types: what is supported, and the Graph permissions each needs.
    Types(Listed),
    /// The operations, with the capability each needs.
    Operations(Listed),
}

/// Arguments of `audit list`.
#[derive(Args, Debug)]
pub(crate) struct AuditList {
    /// Only this action, for example promotion.execute.queued.
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<String>,
    /// Only of this tenant, by id or display name.
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// Only of this run.
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Only by this user's id.
    #[arg(long, value_name = "USER")]
    pub(crate) actor: Option<String>,
    /// How many at most, newest first.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
}
