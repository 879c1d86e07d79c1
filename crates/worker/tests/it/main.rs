//! The worker on a real PostgreSQL and the simulated Graph: its jobs, their faults, its death.

mod approvals;
mod compared_only;
mod device_preparation;
mod fairness;
mod faults;
mod links;
mod main_path;
mod notifications;
mod oma_secrets;
mod registrations;
mod stops;
mod store_apps;
mod support;
mod survival;
mod templates;
mod unserved;
