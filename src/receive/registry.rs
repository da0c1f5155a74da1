//! Where the accounts of a reactor's connections are found by whoever looks.
//!
//! The accounts lie on pages with a lock each, which is held for as long as it
//! takes to copy the page: a look at ten thousand connections never keeps a
//! reactor waiting for more than that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ConnectionAccount;

/// Connections of one page.
const PAGE: usize = 64;

type Page = Mutex<[Option<Arc<ConnectionAccount>>; PAGE]>;

/// The accounts of one reactor's connections.
#[derive(Default)]
pub struct Registry {
    pages: Mutex<Vec<Arc<Page>>>,
}

impl Registry {
    /// The accounts of all connections that are open, in no order.
    pub fn accounts(&self) -> Vec<Arc<ConnectionAccount>> {
        let pages = lock(&self.pages).clone();
        let mut accounts = Vec::new();
        for page in pages {
            accounts.extend(lock(&page).iter().flatten().cloned());
        }
        accounts
    }

    /// Enters a connection at `slot`.
    pub(super) fn enter(&self, slot: usize, account: Arc<ConnectionAccount>) {
        let page = {
            let mut pages = lock(&self.pages);
            while pages.len() <= slot / PAGE {
                pages.push(Arc::new(Mutex::new([const { None }; PAGE])));
            }
            Arc::clone(&pages[slot / PAGE])
        };
        lock(&page)[slot % PAGE] = Some(account);
    }

    /// Strikes the connection at `slot` out.
    pub(super) fn leave(&self, slot: usize) {
        let page = lock(&self.pages).get(slot / PAGE).cloned();
        if let Some(page) = page {
            lock(&page)[slot % PAGE] = None;
        }
    }
}

/// What the locks guard is whole at every moment, also where a thread died.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::base::Instant;
    use crate::receive::Peer;

    fn account(port: u16) -> Arc<ConnectionAccount> {
        let peer = Peer::Tcp(([127, 0, 0, 1], port).into());
        let account = ConnectionAccount::new(peer, 0, 0, Instant::default(), None);
        Arc::new(account)
    }

    fn port(account: &ConnectionAccount) -> u16 {
        let address: SocketAddr = account.name().parse().expect("an address");
        address.port()
    }

    #[test]
    fn what_has_entered_and_not_left_is_found() {
        let registry = Registry::default();
        for slot in 0..200 {
            registry.enter(slot, account(slot as u16));
        }
        for slot in (0..200).step_by(3) {
            registry.leave(slot);
        }
        registry.enter(150, account(9999));
        let mut ports: Vec<u16> = registry
            .accounts()
            .iter()
            .map(|account| port(account))
            .collect();
        ports.sort_unstable();
        let mut expected: Vec<u16> = (0..200).filter(|slot| slot % 3 != 0).collect();
        expected.push(9999);
        assert_eq!(ports, expected);
        // Nobody is there.
        registry.leave(5000);
    }
}
