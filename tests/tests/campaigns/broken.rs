//! The campaigns catch what they are for: each deliberately broken variant of the protocol is found
//! out. Needs the feature `campaigns`; what ships does not contain the variants.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;

use crate::course::Course;
use crate::field::Setup;
use crate::judge::{Figures, Wrong};
use crate::kills::Kill;
use crate::{answers, behind, kills, pauses};

/// An installation whose workers are the variant.
fn variant(name: &'static str) -> Setup {
    Setup {
        env: vec![("PROMOTION_BROKEN_PROTOCOL", name)],
        ..Setup::default()
    }
}

/// Fails unless the campaign held this against the variant.
fn caught(variant: &str, figures: &Figures, expected: Wrong) -> Result<()> {
    eprintln!(
        "broken variant {variant}: {expected:?} found {} times, wrong in all {}, landed {:?}",
        figures.count(expected),
        figures.wrong.len(),
        figures.landed
    );
    anyhow::ensure!(
        figures.count(expected) > 0,
        "the campaign did not catch {variant}: {figures:#?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_after_the_write_is_caught() -> Result<()> {
    let course = Course::new(4_801);
    let point = |nth| Kill::Point("after_send/create".to_owned(), nth);
    let todo = Arc::new(Mutex::new([point(4), point(6)].into()));
    let setup = variant("intent_after_write");
    let figures = kills::lane(course, todo, setup, &[20]).await?;
    caught("intent after write", &figures, Wrong::NoIntent)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_fencing_check_is_caught() -> Result<()> {
    let course = Course::new(4_802);
    let mut figures = Figures::default();
    // A worker that wakes with nothing left to record gives nothing away: a few are woken.
    for number in 0..8 {
        let (course, setup) = (course.lane(number), variant("no_fence"));
        let (lane, _) = pauses::lane(course, setup, 1, Duration::from_mins(1)).await?;
        figures.add(lane);
        if figures.count(Wrong::StaleRecord) > 0 {
            break;
        }
    }
    caught("no fencing check", &figures, Wrong::StaleRecord)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blind_retry_is_caught() -> Result<()> {
    let mut course = Course::new(4_803);
    let setup = variant("blind_retry");
    let (figures, _) = answers::campaign(&mut course, setup, 30, 30).await?;
    caught("blind retry", &figures, Wrong::Duplicate)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_does_not_return_to_the_object_is_caught() -> Result<()> {
    let mut course = Course::new(4_804);
    let setup = variant("single_look");
    let (figures, _) = behind::campaign(&mut course, setup, 10, 40).await?;
    caught("single look", &figures, Wrong::Overwrite)
}
