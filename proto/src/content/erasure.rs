//! What stands in the place of a content that is gone (SPEC.md sections 6.1 and 6.2). Must never
//! say anything of the content.

use crate::schema;

/// Why a content is gone. Only the server says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// It was recalled.
    Recalled {
        /// The seq of the entry that recalled it.
        by: u64,
    },
    /// Its time is over.
    Expired {
        /// The seq of the entry whose time is over: its own, or that of the entry that it edited.
        of: u64,
    },
}

impl Erasure {
    pub(super) fn from_wire(wire: schema::Erased) -> Self {
        match wire {
            schema::Erased { by, expired: 0 } => Self::Recalled { by },
            schema::Erased { expired: of, .. } => Self::Expired { of },
        }
    }

    pub(super) fn to_wire(self) -> schema::Erased {
        match self {
            Self::Recalled { by } => schema::Erased { by, expired: 0 },
            Self::Expired { of } => schema::Erased { by: 0, expired: of },
        }
    }
}
