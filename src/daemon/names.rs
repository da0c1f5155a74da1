//! Runs the lookups of names: on the control thread's runtime, each on one of its
//! blocking threads.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::base::Clock;
use crate::base::clock::SystemClock;
use crate::names::{Lookups, Named, Names, own_full_name, system_lookup};
use crate::receive::ReactorShared;

/// Answers the requests of the reactors for ever. `asked` is notified of new
/// ones.
pub async fn serve(names: Arc<Names>, reactors: Arc<ReactorShared>, asked: Arc<Notify>) {
    let mut lookups = Lookups::new(names);
    let mut under_way = JoinSet::new();
    let tell = |reactor: usize, named: Named| {
        if let Some(inbox) = reactors.inboxes.get(reactor) {
            inbox.push_named(named);
        }
    };
    loop {
        let now = SystemClock.now();
        for (reactor, named) in lookups.take_requests(now) {
            tell(reactor, named);
        }
        while let Some(address) = lookups.start(now) {
            under_way.spawn_blocking(move || (address, system_lookup(address)));
        }
        let check_in = lookups.check_at().map(|at| at.since(now));
        tokio::select! {
            () = asked.notified() => {}
            Some(Ok((address, answer))) = under_way.join_next() => {
                let (askers, named) = lookups.answered(address, answer, SystemClock.now());
                for reactor in askers {
                    tell(reactor, named.clone());
                }
            }
            () = sleep(check_in.unwrap_or(Duration::MAX)) => {}
        }
        if lookups.check(SystemClock.now()) {
            for inbox in &reactors.inboxes {
                inbox.event().signal();
            }
        }
    }
}

/// The name of this host with its domain, where the resolver knows it in time.
pub async fn own(name: &str, patience: Duration) -> Option<String> {
    let name = name.to_owned();
    let lookup = tokio::task::spawn_blocking(move || own_full_name(&name));
    tokio::time::timeout(patience, lookup).await.ok()?.ok()?
}
