//! What one workspace's owner can learn of people who belong to another one: nothing.

use anyhow::Result;
use serde_json::json;

use crate::security::installation::Installation;

#[tokio::test(flavor = "multi_thread")]
async fn adding_somebody_elses_member_tells_nothing_of_them() -> Result<()> {
    let installation = Installation::start("info", |_| Ok(())).await?;
    let (owner, stranger) = (&installation.owner, &installation.stranger);
    let known =
        json!({"email": "ada@home.test", "display_name": "Ada of Home", "role": "readonly"});
    owner.post("/members", &known).await?.expect(201)?;
    let ask = |email: &str| json!({"email": email, "display_name": "As typed", "role": "readonly"});
    let known = stranger
        .post("/members", &ask("ada@home.test"))
        .await?
        .expect(201)?;
    let unknown = stranger
        .post("/members", &ask("nobody@home.test"))
        .await?
        .expect(201)?;
    for answer in [&known, &unknown] {
        assert_eq!(answer["display_name"], "As typed", "{answer}");
    }
    let members = stranger.all("/members").await?;
    assert!(!json!(members).to_string().contains("Ada of Home"));
    Ok(())
}
