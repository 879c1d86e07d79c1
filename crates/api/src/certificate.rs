//! When a certificate ends. Decides nothing about whether it may be trusted or fits its key: the
//! worker finds that out when it signs with it.

use chrono::{DateTime, Utc};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// `notAfter` of the first certificate in a PEM text; `None` when none can be read.
pub fn not_after(pem: &str) -> Option<DateTime<Utc>> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let certificate = Certificate::from_der(&der).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let since_epoch = validity.not_after.to_unix_duration().as_secs();
    DateTime::from_timestamp(i64::try_from(since_epoch).ok()?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl req -x509 -newkey ec -nodes -days 1900`; the key was
    /// thrown away.
    const PEM: &str = include_str!("certificate_test.pem");

    #[test]
    fn the_end_of_a_certificate_is_read_from_its_pem() {
        let end = not_after(PEM).map(|at| at.to_rfc3339());
        assert_eq!(end.as_deref(), Some("2032-02-07T15:28:42+00:00"));
        let with_text = format!("subject=CN = promotion\n{PEM}{PEM}");
        assert!(
            not_after(&with_text).is_some(),
            "text before, another after"
        );
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let cut = PEM.get(..PEM.len() / 2).unwrap_or_default();
        let swapped = PEM.replace("MII", "AAA");
        for text in ["", "-----BEGIN CERTIFICATE-----", cut, &swapped] {
            assert_eq!(not_after(text), None, "{text}");
        }
    }
}
