//! Deliberately broken variants of the run protocol, which the campaigns must catch.
//!
//! Compiled in with the feature `broken-protocol` only, which nothing that ships has; then
//! `PROMOTION_BROKEN_PROTOCOL` names the variant of this process. Decides nothing else.

/// Runs the block in the named variant. Leaves nothing behind without the feature.
#[macro_export]
macro_rules! broken_variant {
    ($name:literal, $code:block) => {
        #[cfg(feature = "broken-protocol")]
        if $crate::broken::is($name) $code
    };
}

/// Whether this process is the named variant.
#[cfg(feature = "broken-protocol")]
pub(crate) fn is(name: &str) -> bool {
    use std::sync::OnceLock;

    static VARIANT: OnceLock<String> = OnceLock::new();
    VARIANT.get_or_init(|| std::env::var("PROMOTION_BROKEN_PROTOCOL").unwrap_or_default()) == name
}

/// The holder that the run's row names now, whoever that is: a worker that records under it has no
/// fence.
#[cfg(feature = "broken-protocol")]
pub(crate) fn whoever_holds(
    conn: &mut store::PgConnection,
    own: &store::leases::Holder,
) -> Result<store::leases::Holder, store::StoreError> {
    let run = store::runs::load_run(conn, own.run_id)?;
    Ok(store::leases::Holder {
        run_id: run.id,
        fence: run.fence,
        name: run.lease_holder.unwrap_or_else(|| own.name.clone()),
    })
}
