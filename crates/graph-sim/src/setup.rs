//! How a simulator comes to be: which tenants, from where, and the running server around them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;

use crate::corpus::{self, Side};
use crate::loader::{self, LoadError};
use crate::pipeline::{Shared, lock};
use crate::rules;
use crate::schema::{ContractError, Schema};
use crate::server;
use crate::state::{Tenant, TenantOptions, World};

/// What a tenant starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantSource {
    /// Only what every tenant has.
    Empty,
    /// The committed synthetic corpus.
    Builtin(Side),
    /// A folder of JSON exports; `only` keeps the files whose name starts with one of the texts.
    Folder {
        /// The folder, read with everything below it.
        path: PathBuf,
        /// File name prefixes; empty means all files.
        only: Vec<String>,
    },
}

impl TenantSource {
    /// `source` or `target`.
    pub fn builtin(name: &str) -> Option<Self> {
        match name {
            "source" => Some(Self::Builtin(Side::Source)),
            "target" => Some(Self::Builtin(Side::Target)),
            _ => None,
        }
    }
}

/// One tenant to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSpec {
    /// The Entra tenant id.
    pub id: String,
    /// What it starts with.
    pub source: TenantSource,
}

impl TenantSpec {
    /// An empty tenant.
    pub fn empty(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            source: TenantSource::Empty,
        }
    }

    /// A tenant with one side of the synthetic corpus.
    pub fn builtin(id: &str, side: Side) -> Self {
        Self {
            id: id.to_owned(),
            source: TenantSource::Builtin(side),
        }
    }

    /// A tenant loaded from a folder.
    pub fn folder(id: &str, path: &Path) -> Self {
        let source = TenantSource::Folder {
            path: path.to_owned(),
            only: Vec::new(),
        };
        Self {
            id: id.to_owned(),
            source,
        }
    }

    /// Reads `<id>`, `<id>=`, `<id>=builtin:source|target`, `<id>=<folder>` or
    /// `<id>=<folder>#<prefix>,<prefix>`.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, value) = text.split_once('=').unwrap_or((text, ""));
        if id.is_empty() {
            return None;
        }
        let source = if value.is_empty() {
            TenantSource::Empty
        } else if let Some(name) = value.strip_prefix("builtin:") {
            TenantSource::builtin(name)?
        } else {
            let (path, prefixes) = value.split_once('#').unwrap_or((value, ""));
            TenantSource::Folder {
                path: PathBuf::from(path),
                only: prefixes
                    .split(',')
                    .filter(|prefix| !prefix.is_empty())
                    .map(str::to_owned)
                    .collect(),
            }
        };
        Some(Self {
            id: id.to_owned(),
            source,
        })
    }
}

/// How to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address and port; port 0 takes a free one.
    pub listen: String,
    /// The tenants, in order.
    pub tenants: Vec<TenantSpec>,
    /// A Graph contract file to check against instead of the built-in table.
    pub contract: Option<PathBuf>,
    /// Switches every tenant starts with.
    pub tenant_options: TenantOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".to_owned(),
            tenants: Vec::new(),
            contract: None,
            tenant_options: TenantOptions::default(),
        }
    }
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The contract file was not usable.
    #[error("the contract could not be used")]
    Contract(#[source] ContractError),
    /// A tenant's exports were not readable.
    #[error("tenant {id} could not be loaded")]
    Load {
        /// The tenant.
        id: String,
        /// What went wrong.
        #[source]
        source: LoadError,
    },
    /// The address could not be bound or served.
    #[error("the server could not start")]
    Serve(#[source] std::io::Error),
}

/// A simulator that serves until it is stopped or dropped.
#[derive(Debug)]
pub struct Running {
    base_url: String,
    handle: ServerHandle,
    thread: Option<std::thread::JoinHandle<std::io::Result<()>>>,
}

impl Running {
    /// Where it serves, without a trailing slash: login, Graph and control endpoints alike.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Stops at once; returns when the port is free.
    pub fn stop(mut self) {
        self.end();
    }

    /// Serves until somebody else stops the process.
    pub fn wait(mut self) -> std::io::Result<()> {
        match self.thread.take().map(std::thread::JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(std::io::Error::other("the server thread panicked")),
            None => Ok(()),
        }
    }

    fn end(&mut self) {
        // The command is sent by the call; its future only waits for the end, as the join does.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.end();
        }
    }
}

/// Loads the tenants and starts serving on a thread of its own.
#[expect(
    clippy::needless_pass_by_value,
    reason = "options are made for one start"
)]
pub fn start(options: Options) -> Result<Running, StartError> {
    let schema = match &options.contract {
        Some(path) => Schema::from_contract(path).map_err(StartError::Contract)?,
        None => Schema::builtin(),
    };
    let world: Shared = Arc::new(Mutex::new(World::new(schema)));
    for spec in &options.tenants {
        let mut guard = lock(&world);
        add_tenant(&mut guard, spec).map_err(|source| StartError::Load {
            id: spec.id.clone(),
            source,
        })?;
        if let Some(tenant) = guard.tenant_mut(&spec.id) {
            tenant.options = options.tenant_options.clone();
        }
    }
    let (address, handle, thread) =
        server::spawn(world, &options.listen).map_err(StartError::Serve)?;
    Ok(Running {
        base_url: format!("http://{address}"),
        handle,
        thread: Some(thread),
    })
}

/// Adds a tenant, or replaces the one of the same id.
pub(crate) fn add_tenant(world: &mut World, spec: &TenantSpec) -> Result<(), LoadError> {
    let name = match &spec.source {
        TenantSource::Builtin(Side::Source) => "Contoso Lab".to_owned(),
        TenantSource::Builtin(Side::Target) => "Fabrikam".to_owned(),
        TenantSource::Empty | TenantSource::Folder { .. } => {
            format!("Tenant {}", spec.id.get(..8).unwrap_or(&spec.id))
        }
    };
    let mut tenant = Tenant::new(&spec.id, &name);
    if let Some(rule) = rules::by_key(rules::DEFINITIONS) {
        let learnt = world.definitions.values().cloned();
        tenant.list_mut(rule).extend(learnt);
    }
    world.tenants.insert(spec.id.to_lowercase(), tenant);
    match &spec.source {
        TenantSource::Empty => Ok(()),
        TenantSource::Builtin(side) => {
            corpus::fill(world, &spec.id, *side);
            Ok(())
        }
        TenantSource::Folder { path, only } => loader::load(world, &spec.id, path, only),
    }
}
