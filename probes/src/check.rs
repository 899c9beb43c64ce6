//! Tries every kind once on this machine, and leaves nothing attached.

use contract::{WatchKind, WatchProgram, WatchSite};

use crate::attach::Loaded;
use crate::programs::assembled;
use crate::refusal::{Refusal, Step};
use crate::sites;

/// One kind at one site.
pub struct Checked {
    /// How.
    pub kind: WatchKind,
    /// What.
    pub site: WatchSite,
    /// Why it is refused, if it is.
    pub refused: Option<Refusal>,
    /// What the kernel does at the site of a uprobe.
    pub class: Option<&'static str>,
}

/// Tries every kind at every site that it fits.
pub fn all() -> Vec<Checked> {
    let kinds = WatchKind::ALL.into_iter();
    let pairs = kinds.flat_map(|kind| {
        let sites = WatchSite::ALL.into_iter();
        let sites = sites.filter(move |site| kind.fits(*site));
        sites.map(move |site| (kind, site))
    });
    let checked = pairs.map(|(kind, site)| Checked {
        kind,
        site,
        refused: tried(kind, site).err(),
        class: sites::class(site),
    });
    checked.collect()
}

fn tried(kind: WatchKind, site: WatchSite) -> Result<(), Refusal> {
    let program = assembled(WatchProgram::Null).map_err(Step::Map.failed())?;
    Loaded::new(kind, site, &program)?.attach()?;
    Ok(())
}
