//! What the demo proved: every ready subject verified and matching, nothing twice, nothing written
//! to the source, nothing left to do. Decides whether the demo succeeded.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::workspace::{number, text};
use crate::demo::graph::Figures;
use crate::demo::installation::Urls;
use crate::show::compare::subjects;

/// Everything the story gathered.
pub(crate) struct Report<'a> {
    /// The preflight that was confirmed.
    pub(crate) preflight: &'a Value,
    /// The completed run.
    pub(crate) run: &'a Value,
    /// The compare after it.
    pub(crate) after: &'a Value,
    /// The code with which a second execute was refused.
    pub(crate) second_refusal: &'a str,
    /// The simulator's word.
    pub(crate) figures: &'a Figures,
    /// Where to look.
    pub(crate) urls: &'a Urls,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
}

impl Report<'_> {
    /// Ready subjects, and those of them that match now.
    pub(crate) fn ready_and_matching(&self) -> (u64, u64) {
        let matching: BTreeSet<&str> = subjects(self.after)
            .filter(|subject| text(subject, "state") == "match")
            .map(|subject| text(subject, "subject_key"))
            .collect();
        let (mut ready, mut verified) = (0, 0);
        for subject in subjects(self.preflight).filter(|s| text(s, "readiness") == "ready") {
            ready += 1;
            verified += u64::from(matching.contains(text(subject, "subject_key")));
        }
        (ready, verified)
    }

    /// Everything that is not as it must be, in words.
    pub(crate) fn faults(&self) -> Vec<String> {
        let (ready, verified) = self.ready_and_matching();
        let mut faults = Vec::new();
        let mut check = |holds: bool, words: String| {
            if !holds {
                faults.push(words);
            }
        };
        let outcome = text(self.run, "outcome");
        check(ready > 0, "nothing was ready".to_owned());
        check(outcome == "succeeded", format!("the run ended {outcome}"));
        let succeeded = number(self.run, "/summary_counts/succeeded");
        check(
            succeeded == ready,
            format!("{succeeded} of {ready} ready subjects succeeded"),
        );
        check(
            verified == ready,
            format!("{verified} of {ready} ready subjects match afterwards"),
        );
        check(
            self.second_refusal == "nothing_ready",
            format!("a second execute answered {:?}", self.second_refusal),
        );
        let figures = self.figures;
        check(
            figures.source_writes == 0,
            format!("{} writes to the source tenant", figures.source_writes),
        );
        check(
            figures.refused == 0,
            format!("{} writes refused by the simulator", figures.refused),
        );
        check(
            figures.duplicates == 0,
            format!("{} policies created more than once", figures.duplicates),
        );
        let created = number(self.run, "/summary_counts/created");
        check(
            figures.creates == created,
            format!(
                "the run says {created} created, the simulator {}",
                figures.creates
            ),
        );
        faults
    }

    /// The report as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let (ready, verified) = self.ready_and_matching();
        let faults = self.faults();
        let held_back: Vec<Value> = subjects(self.preflight)
            .filter(|s| !matches!(text(s, "readiness"), "ready" | "unchanged"))
            .map(|subject| {
                json!({
                    "subject_key": subject.get("subject_key"),
                    "policy_type": subject.get("policy_type"),
                    "display_name": subject.get("display_name"),
                    "readiness": subject.get("readiness"),
                    "reasons": subject.get("reasons"),
                })
            })
            .collect();
        json!({
            "succeeded": faults.is_empty(),
            "faults": faults,
            "preflight": self.preflight.get("summary"),
            "held_back": held_back,
            "run": {
                "id": self.run.get("id"),
                "outcome": self.run.get("outcome"),
                "summary_counts": self.run.get("summary_counts"),
            },
            "ready": ready,
            "verified": verified,
            "compare_after": self.after.get("summary"),
            "second_execute": self.second_refusal,
            "simulator": {
                "source_reads": self.figures.source_reads,
                "source_writes": self.figures.source_writes,
                "target_reads": self.figures.target_reads,
                "target_writes": self.figures.target_writes,
                "refused": self.figures.refused,
                "creates": self.figures.creates,
                "duplicates": self.figures.duplicates,
            },
            "urls": {
                "api": self.urls.api,
                "docs": format!("{}/docs", self.urls.api),
                "graph": self.urls.graph,
            },
            "seconds": self.seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(run: &Value, after: &Value, figures: &Figures) -> Vec<String> {
        let preflight = json!({"subjects": [
            {"subject_key": "a", "readiness": "ready"},
            {"subject_key": "b", "readiness": "blocked"},
        ]});
        let urls = Urls {
            api: String::new(),
            graph: String::new(),
        };
        let report = Report {
            preflight: &preflight,
            run,
            after,
            second_refusal: "nothing_ready",
            figures,
            urls: &urls,
            seconds: 1.0,
        };
        report.faults()
    }

    #[test]
    fn the_demo_succeeds_only_when_everything_holds() {
        let run = json!({"outcome": "succeeded",
            "summary_counts": {"succeeded": 1, "created": 1}});
        let matching = json!({"subjects": [{"subject_key": "a", "state": "match"}]});
        let good = Figures {
            creates: 1,
            ..Figures::default()
        };
        assert!(faults(&run, &matching, &good).is_empty());
        let different = json!({"subjects": [{"subject_key": "a", "state": "different"}]});
        assert_eq!(faults(&run, &different, &good).len(), 1);
        for bad in [
            Figures {
                source_writes: 1,
                ..good.clone()
            },
            Figures {
                duplicates: 1,
                ..good.clone()
            },
            Figures {
                refused: 1,
                ..good.clone()
            },
            Figures {
                creates: 2,
                ..good.clone()
            },
        ] {
            assert_eq!(faults(&run, &matching, &bad).len(), 1, "{bad:?}");
        }
        let failed = json!({"outcome": "partially_succeeded",
            "summary_counts": {"succeeded": 1, "created": 1}});
        assert_eq!(faults(&failed, &matching, &good).len(), 1);
    }
}
