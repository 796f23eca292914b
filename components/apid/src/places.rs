//! A number of places that sources share fairly.
//!
//! When all are taken, a source that has fewer than another gets one of the other's. So whoever
//! fills the places keeps nobody out that is content with less.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::source::Source;

/// What happens when a source asks for more places than one may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// It gets none.
    Refuse,
    /// It loses its oldest.
    EndOldest,
}

/// All places.
#[derive(Debug)]
pub(crate) struct Places {
    total_max: usize,
    each_max: usize,
    when_full: WhenFull,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    next: u64,
    /// By age.
    by_source: HashMap<Source, BTreeMap<u64, CancellationToken>>,
}

/// A place that is taken, until it is dropped or lost.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    source: Source,
    number: u64,
}

impl Places {
    /// No place is taken yet.
    pub(crate) fn new(total_max: usize, each_max: usize, when_full: WhenFull) -> Arc<Self> {
        Arc::new(Self {
            total_max,
            each_max,
            when_full,
            taken: Mutex::default(),
        })
    }

    /// Takes a place. `lost` is cancelled when another source needs it more: what holds the place
    /// has to end then.
    pub(crate) fn take(self: &Arc<Self>, source: Source, lost: CancellationToken) -> Option<Place> {
        let mut taken = self.lock();
        let own = taken.by_source.get(&source).map_or(0, BTreeMap::len);
        if own >= self.each_max {
            match self.when_full {
                WhenFull::Refuse => return None,
                WhenFull::EndOldest => taken.end_oldest(source),
            }
        } else if taken.count >= self.total_max {
            let (richest, places) = taken.richest()?;
            if places <= own + 1 {
                return None;
            }
            taken.end_oldest(richest);
        }
        let number = taken.next;
        taken.next += 1;
        taken.count += 1;
        taken
            .by_source
            .entry(source)
            .or_default()
            .insert(number, lost);
        Some(Place {
            places: Arc::clone(self),
            source,
            number,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn richest(&self) -> Option<(Source, usize)> {
        let counts = self.by_source.iter();
        let counts = counts.map(|(source, places)| (*source, places.len()));
        counts.max_by_key(|(_, count)| *count)
    }

    fn end_oldest(&mut self, source: Source) {
        let oldest = self
            .by_source
            .get(&source)
            .and_then(|places| places.keys().next().copied());
        if let Some(lost) = oldest.and_then(|number| self.remove(source, number)) {
            lost.cancel();
        }
    }

    fn remove(&mut self, source: Source, number: u64) -> Option<CancellationToken> {
        let places = self.by_source.get_mut(&source)?;
        let removed = places.remove(&number)?;
        if places.is_empty() {
            self.by_source.remove(&source);
        }
        self.count -= 1;
        Some(removed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // One that was lost is no longer there.
        let _gone_already = self.places.lock().remove(self.source, self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn source(last: u8) -> Source {
        Source::from(IpAddr::from([10, 0, 0, last]))
    }

    fn take(places: &Arc<Places>, last: u8) -> Option<(Place, CancellationToken)> {
        let lost = CancellationToken::new();
        let place = places.take(source(last), lost.clone())?;
        Some((place, lost))
    }

    #[test]
    fn one_source_cannot_take_them_all() {
        let places = Places::new(8, 3, WhenFull::Refuse);
        let kept: Vec<_> = (0..8).filter_map(|_| take(&places, 1)).collect();
        assert_eq!(kept.len(), 3);
        assert!(take(&places, 2).is_some());
        drop(kept);
        assert!(take(&places, 1).is_some());
        assert!(places.lock().by_source.is_empty());
    }

    #[test]
    fn a_newcomer_gets_the_oldest_place_of_the_richest() {
        let places = Places::new(4, 3, WhenFull::Refuse);
        let rich: Vec<_> = (0..3).filter_map(|_| take(&places, 1)).collect();
        let poor = take(&places, 2).unwrap();
        let new = take(&places, 3).unwrap();
        let lost: Vec<_> = rich.iter().map(|(_, lost)| lost.is_cancelled()).collect();
        assert_eq!(lost, [true, false, false]);
        // Nobody has more than one that is not needed.
        assert!(take(&places, 2).is_none());
        assert!(take(&places, 4).is_some());
        assert!(!poor.1.is_cancelled() && !new.1.is_cancelled());
        assert_eq!(places.lock().count, 3);
    }

    #[test]
    fn a_source_may_replace_its_own() {
        let places = Places::new(8, 2, WhenFull::EndOldest);
        let kept: Vec<_> = (0..3).filter_map(|_| take(&places, 1)).collect();
        let lost: Vec<_> = kept.iter().map(|(_, lost)| lost.is_cancelled()).collect();
        assert_eq!(lost, [true, false, false]);
        drop(kept);
        assert_eq!(places.lock().count, 0);
    }
}
