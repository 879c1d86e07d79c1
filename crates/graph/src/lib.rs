//! The seam to Microsoft Graph.
//!
//! A call walks through it like this: the worker builds a [`TenantConnection`] from a stored
//! credential and asks the process's [`Gateway`] for a [`TenantReader`] or, with the run's
//! [`WriteTarget`], a [`TenantWriter`]. Both are bound to one Entra tenant and check every token
//! against it. A read is repeated here within a documented policy and comes back whole or as a
//! [`CallError`]. A write first gets an [`Admission`] (token, budget, lane), then the caller records
//! its intent, then one HTTP attempt gives an [`Answer`], and [`judge_write`] says what it means.
//!
//! Nothing here knows a policy type: paths, verbs and bodies arrive as data from `domain`. Only
//! this crate builds HTTP clients for Graph and the login service, and it contacts nothing else.

pub mod answer;
pub mod budget;
pub mod call_error;
pub mod check;
mod client;
pub mod clock;
pub mod cloud;
pub mod connection;
pub mod credential;
pub mod error_body;
mod gateway;
pub mod judge;
pub mod lane;
mod pages;
pub mod refusal;
mod remote_clock;
pub mod request;
pub mod retry_after;
mod secret_body;
mod secret_text;
pub mod template;
pub mod token;
mod transport;
pub mod wait;
mod writer;

pub use answer::{Answer, AnswerEvidence, AnswerHeaders, Body, Lost};
pub use budget::{BudgetLimits, Direction};
pub use call_error::{CallError, Incomplete};
pub use check::{ConnectionReport, Organization, check_connection};
pub use client::{READ_ATTEMPTS, TenantReader};
pub use cloud::{Cloud, EndpointError, EndpointOverrides, Endpoints};
pub use connection::{TenantConnection, WriteTarget, WriteTargetError};
pub use credential::{Credential, CredentialError};
pub use domain::model::{GraphVersion, ResourceFamily};
pub use error_body::GraphError;
pub use gateway::{Gateway, GatewaySettings};
pub use judge::{ReadOutcome, WriteKind, WriteOutcome, judge_read, judge_write};
pub use lane::{LaneError, LaneGate, LaneReply, in_process_lane};
pub use pages::{PAGE_CAP, Pages};
pub use refusal::{Refused, TokenRefusal};
pub use request::{
    Approval, Metadata, Question, ReadRequest, UnknownMethod, WriteMethod, WriteRequest,
};
pub use secret_body::SecretBody;
pub use secret_text::SecretText;
pub use template::{odata_literal, path_template};
pub use token::{AccessToken, TokenError};
pub use transport::{CallRecord, OnCall, TransportError, TransportLimits};
pub use wait::{CallContext, Interrupted, OnWait, Wait, WaitReason};
pub use writer::{Admission, TenantWriter};
