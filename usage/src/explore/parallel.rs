//! Several runs at a time.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does each piece of work, up to `jobs` at a time, and returns the results in the order
/// of the work. The first error ends it.
pub fn map<T: Sync, R: Send, E: Send>(
    jobs: NonZeroU32,
    work: &[T],
    act: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let results: Vec<Mutex<Option<Result<R, E>>>> = work.iter().map(|_| Mutex::new(None)).collect();
    let worker = || {
        while !failed.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(place)) = (work.get(index), results.get(index)) else {
                return;
            };
            let result = act(item);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..work.len().min(jobs.get() as usize) {
            scope.spawn(worker);
        }
    });
    let results = results.into_iter();
    // After an error, some results are missing, but the error is there.
    results
        .filter_map(|place| place.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_work() {
        let work: Vec<u32> = (0..100).collect();
        let jobs = NonZeroU32::new(7).unwrap();
        let squares = map(jobs, &work, |n| Ok::<_, ()>(n * n));
        assert_eq!(
            squares.unwrap(),
            work.iter().map(|n| n * n).collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_error_ends_the_work() {
        let done = AtomicUsize::new(0);
        let result = map(NonZeroU32::MIN, &[1, 2, 3], |n| {
            done.fetch_add(1, Ordering::Relaxed);
            if *n == 2 { Err("two") } else { Ok(*n) }
        });
        assert_eq!(result, Err("two"));
        assert_eq!(done.into_inner(), 2);
    }
}
