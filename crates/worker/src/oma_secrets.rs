//! Plain texts of encrypted OMA-URI values, where a connection allows asking for them.
//!
//! Decides what a value that cannot be had means (it stays masked, the object is captured all the
//! same). Stores and logs none; what stays is a keyed fingerprint.

use domain::model::CapturedPolicy;
use domain::oma::{self, Encrypted};
use domain::policy_type::{Adapter, PolicyType};
use graph::SecretText;
use serde_json::Value;

use crate::provider::Reader;
use crate::read_policy::{encode, item_path};
use crate::read_problem::ReadProblem;

/// Puts fingerprints in the place of masks. What Graph refuses stays masked.
pub(crate) async fn learn(
    reader: &Reader,
    row: &PolicyType,
    external_id: &str,
    item: &mut Value,
) -> Result<(), ReadProblem> {
    let Some(key) = reader.secrets() else {
        return Ok(());
    };
    if row.adapter != Adapter::DeviceConfiguration {
        return Ok(());
    }
    for setting in oma::encrypted(item) {
        match ask(reader, row, external_id, &setting).await {
            Ok(plain) => oma::put_fingerprint(item, setting.position, plain.expose(), key),
            Err(
                problem @ (ReadProblem::Interrupted(_)
                | ReadProblem::Throttled { .. }
                | ReadProblem::Unauthorized { .. }
                | ReadProblem::Unavailable { .. }),
            ) => return Err(problem),
            Err(problem) => {
                let (code, _) = problem.explain();
                tracing::info!(
                    policy.external_id = external_id,
                    code,
                    "an encrypted value stays masked"
                );
            }
        }
    }
    Ok(())
}

/// The plain text of one setting.
async fn ask(
    reader: &Reader,
    row: &PolicyType,
    external_id: &str,
    setting: &Encrypted,
) -> Result<SecretText, ReadProblem> {
    let path = format!(
        "{}/getOmaSettingPlainTextValue(secretReferenceValueId='{}')",
        item_path(row, external_id),
        encode(&setting.reference_id.replace('\'', "''"))
    );
    reader.get_secret(row, &path).await
}

/// Why a body could not be filled.
#[derive(Debug)]
pub(crate) enum FillProblem {
    /// The source was not read.
    Read(ReadProblem),
    /// The source has another value than the reviewed one, or none.
    Changed {
        /// Where.
        oma_uri: String,
    },
    /// The value does not fit the type of its setting.
    Unfit {
        /// Where.
        oma_uri: String,
    },
}

/// Fills the open places of a body with what the source holds now, if that is what was reviewed.
pub(crate) async fn fill(
    reader: &Reader,
    row: &PolicyType,
    source: &CapturedPolicy,
    body: &mut Value,
) -> Result<(), FillProblem> {
    let external_id = &source.external_id;
    let item = reader
        .get(row.family, row.version, &item_path(row, external_id))
        .await
        .map_err(FillProblem::Read)?;
    let standing = oma::encrypted(&item);
    for place in oma::open(body) {
        let changed = || FillProblem::Changed {
            oma_uri: place.oma_uri.clone(),
        };
        let setting = standing
            .iter()
            .find(|setting| setting.oma_uri == place.oma_uri)
            .ok_or_else(changed)?;
        let plain = ask(reader, row, external_id, setting)
            .await
            .map_err(FillProblem::Read)?;
        let now = reader.secrets().map(|key| key.fingerprint(plain.expose()));
        if now.as_ref() != Some(&place.marker) {
            return Err(changed());
        }
        if !oma::fill(body, place.position, plain.expose()) {
            return Err(FillProblem::Unfit {
                oma_uri: place.oma_uri,
            });
        }
    }
    Ok(())
}
