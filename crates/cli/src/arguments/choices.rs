//! The choices of a selection, in the words of the wire.

use clap::ValueEnum;

/// `keep_target` or `map`.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Landing {
    /// The target keeps what it has.
    KeepTarget,
    /// The source's, in the target's terms.
    Map,
}

impl Landing {
    /// As on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::KeepTarget => "keep_target",
            Self::Map => "map",
        }
    }
}

/// The state Conditional Access policies land in.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum ConditionalAccessState {
    /// Evaluated and reported, never enforced.
    ReportOnly,
    /// Off.
    Disabled,
    /// As in the source.
    AsSource,
}

impl ConditionalAccessState {
    /// As on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ReportOnly => "report_only",
            Self::Disabled => "disabled",
            Self::AsSource => "as_source",
        }
    }
}

/// What becomes of rollout dates that Graph would not take.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum FeatureUpdateRollout {
    /// The policy waits.
    Keep,
    /// The update is offered at once.
    Drop,
    /// The rollout begins when Graph allows, as long as it was.
    Shift,
}

impl FeatureUpdateRollout {
    /// As on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::Shift => "shift",
        }
    }
}
