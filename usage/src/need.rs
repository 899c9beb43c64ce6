use serde::Serialize;

use crate::Verdict;

/// What one program needs of a system call that it uses, or what several need in total.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// A stub or a fake: each works.
    Both,
    /// A stub: it works if the call fails with ENOSYS, and a fake does not.
    Stub,
    /// A fake: it works if the call pretends to succeed, and a stub does not.
    Fake,
    /// One needs a stub and another a fake, so that only the call itself serves both.
    Conflict,
    /// The call itself.
    Required,
}

impl Need {
    /// The needs of two, combined.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Required, _) | (_, Self::Required) => Self::Required,
            (Self::Both, need) | (need, Self::Both) => need,
            (a, b) if a == b => a,
            _ => Self::Conflict,
        }
    }

    /// Whether the kernel has to have the call itself.
    pub fn is_implementation(self) -> bool {
        matches!(self, Self::Required | Self::Conflict)
    }

    /// With stub and fake swapped, as Loupe's search interprets them.
    #[must_use]
    pub fn exchanged(self) -> Self {
        match self {
            Self::Stub => Self::Fake,
            Self::Fake => Self::Stub,
            other => other,
        }
    }
}

/// A call that was used and for which no run proves that anything else works is required.
impl From<Verdict> for Need {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Both => Self::Both,
            Verdict::Stub => Self::Stub,
            Verdict::Fake => Self::Fake,
            _ => Self::Required,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Need; 5] = [
        Need::Both,
        Need::Stub,
        Need::Fake,
        Need::Conflict,
        Need::Required,
    ];

    #[test]
    fn a_stub_here_and_a_fake_there_is_a_conflict() {
        assert_eq!(Need::Stub.and(Need::Fake), Need::Conflict);
        assert_eq!(Need::Stub.and(Need::Both), Need::Stub);
        assert_eq!(Need::Both.and(Need::Fake), Need::Fake);
        assert_eq!(Need::Both.and(Need::Both), Need::Both);
        assert_eq!(Need::Conflict.and(Need::Stub), Need::Conflict);
        assert_eq!(Need::Conflict.and(Need::Required), Need::Required);
        assert!(Need::Conflict.is_implementation());
    }

    proptest! {
        #[test]
        fn the_order_does_not_matter(
            needs in prop::collection::vec(prop::sample::select(ALL.to_vec()), 3)
        ) {
            let [a, b, c] = needs[..] else { unreachable!() };
            prop_assert_eq!(a.and(b), b.and(a));
            prop_assert_eq!(a.and(b).and(c), a.and(b.and(c)));
            prop_assert_eq!(a.and(a), a);
            prop_assert_eq!(a.exchanged().and(b.exchanged()), a.and(b).exchanged());
        }
    }
}
