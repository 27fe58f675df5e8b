//! What can happen to a request on its way.

use std::fmt;

use super::request::Kind;

/// One thing that goes wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The server never hears of the request, and the client hears nothing for as long as it waits.
    Silence,
    /// 500, nothing was done.
    InternalError,
    /// 503 `SlowDown`, nothing was done.
    SlowDown,
    /// The connection is reset before the server hears of the request.
    ResetBefore,
    /// The server did what it was asked, and the connection is reset in the middle of its answer.
    ResetMidway,
    /// The connection ends in good order after a part of the body that the answer announced.
    Truncated,
    /// The server did what it was asked, and the client sees a reset instead of the answer.
    DoneThenReset,
    /// The server did what it was asked, and the client sees 500 instead of the answer.
    DoneThenError,
    /// The server does not know the object, this once.
    NotFound,
    /// The server gets the request twice, and the client gets the second answer.
    Twice,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Silence,
        Self::InternalError,
        Self::SlowDown,
        Self::ResetBefore,
        Self::ResetMidway,
        Self::Truncated,
        Self::DoneThenReset,
        Self::DoneThenError,
        Self::NotFound,
        Self::Twice,
    ];

    /// Whether the fault makes sense for requests of this kind.
    #[must_use]
    pub fn can_hit(self, kind: Kind) -> bool {
        match self {
            Self::Silence | Self::InternalError | Self::SlowDown | Self::ResetBefore | Self::ResetMidway => {
                true
            }
            // an answer that has no body cannot lose a part of it
            Self::Truncated => matches!(kind, Kind::Get | Kind::List | Kind::ListUploads),
            Self::DoneThenReset | Self::DoneThenError | Self::Twice => matches!(
                kind,
                Kind::Put
                    | Kind::Copy
                    | Kind::BeginUpload
                    | Kind::Part
                    | Kind::CompleteUpload
                    | Kind::AbortUpload
                    | Kind::Delete
            ),
            Self::NotFound => matches!(kind, Kind::Get | Kind::Head),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Silence => "silence",
            Self::InternalError => "500",
            Self::SlowDown => "503 slow down",
            Self::ResetBefore => "reset before",
            Self::ResetMidway => "reset midway",
            Self::Truncated => "truncated body",
            Self::DoneThenReset => "done, then reset",
            Self::DoneThenError => "done, then 500",
            Self::NotFound => "not found once",
            Self::Twice => "delivered twice",
        })
    }
}
