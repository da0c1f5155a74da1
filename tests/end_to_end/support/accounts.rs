//! What `splashdam ctl stats --json` says.

use serde_json::Value;

/// The accounts of a daemon at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Accounts(Value);

impl Accounts {
    /// Reads the output of `ctl stats --json`.
    pub fn parse(json: &[u8]) -> Accounts {
        Accounts(serde_json::from_slice(json).expect("ctl stats --json gives JSON"))
    }

    /// A count of the TCP input.
    pub fn input(&self, field: &str) -> u64 {
        self.count("inputs", "imptcp", field)
    }

    /// A count of the listener of this name.
    pub fn listener(&self, name: &str, field: &str) -> u64 {
        self.count("inputs", name, field)
    }

    /// What the listener of this name listens on.
    pub fn address(&self, name: &str) -> String {
        let address = self.member("inputs", name)["address"].as_str();
        address.expect("an address").to_owned()
    }

    /// Connections of the TCP input that ended, by their reason.
    pub fn closed(&self) -> &Value {
        &self.member("inputs", "imptcp")["closed"]
    }

    /// A count of the daemon's own messages.
    pub fn own(&self, field: &str) -> u64 {
        self.count("inputs", "splashdam", field)
    }

    /// A count of the lookups of names.
    pub fn names(&self, field: &str) -> u64 {
        let names = &self.0["names"];
        let count = names[field].as_u64();
        count.unwrap_or_else(|| panic!("no count {field} in {names}"))
    }

    /// Whether names are looked up at all.
    pub fn has_names(&self) -> bool {
        !self.0["names"].is_null()
    }

    /// A count of the main queue.
    pub fn queue(&self, field: &str) -> u64 {
        self.count("queues", "main", field)
    }

    /// A count of the queue of this name.
    pub fn queue_of(&self, name: &str, field: &str) -> u64 {
        self.count("queues", name, field)
    }

    /// A count of an action.
    pub fn action(&self, name: &str, field: &str) -> u64 {
        self.count("actions", name, field)
    }

    /// Whether an action is suspended.
    pub fn is_suspended(&self, name: &str) -> bool {
        let suspended = &self.member("actions", name)["suspended"];
        suspended.as_bool().expect("a flag")
    }

    fn count(&self, group: &str, name: &str, field: &str) -> u64 {
        let member = self.member(group, name);
        let count = member[field].as_u64();
        count.unwrap_or_else(|| panic!("no count {field} in {member}"))
    }

    fn member(&self, group: &str, name: &str) -> &Value {
        let members = self.members(group);
        let member = members.iter().find(|member| member["name"] == name);
        member.unwrap_or_else(|| panic!("no {name} in the {group} of {}", self.0))
    }

    fn members(&self, group: &str) -> &[Value] {
        let members = self.0[group].as_array();
        members.unwrap_or_else(|| panic!("no {group} in {}", self.0))
    }

    /// Whether anything waits in front of the queue, in it, or for a commit.
    pub fn is_anything_held(&self) -> bool {
        let mut in_queues = self.members("queues").iter();
        let in_queues = in_queues.any(|queue| queue["held"] != 0 || queue["in_hand"] != 0);
        self.input("held") > 0 || in_queues
    }

    /// Whether all that came in is accounted for: in each input, queue and
    /// action, what came is what went out, was discarded or is held; and what
    /// one hands on, the next one has. Error: what does not balance.
    pub fn balance(&self) -> Result<(), String> {
        let mut enqueued = 0;
        for input in self.members("inputs") {
            check(input, "received", "enqueued")?;
            enqueued += input["enqueued"].as_u64().unwrap_or_default();
        }
        for queue in self.members("queues") {
            check(queue, "enqueued", "acknowledged")?;
            // Others are fed by inputs and by queues.
            if self.members("queues").len() == 1 && queue["enqueued"] != enqueued {
                return Err(format!("the inputs enqueued {enqueued}: {queue}"));
            }
        }
        for action in self.members("actions") {
            check(action, "taken", "delivered")?;
        }
        Ok(())
    }
}

/// `in = out + held + discarded for any reason`.
fn check(member: &Value, incoming: &str, outgoing: &str) -> Result<(), String> {
    let fields = member.as_object().ok_or("not an account")?;
    let get = |name: &str| {
        let count = fields.get(name).and_then(Value::as_u64);
        count.ok_or_else(|| format!("no count {name}: {member}"))
    };
    let discarded = fields
        .iter()
        .filter(|(name, _)| name.starts_with("discarded_"));
    let discarded: u64 = discarded.filter_map(|(_, count)| count.as_u64()).sum();
    // Only a queue has messages in the hands of others.
    let in_hand = get("in_hand").unwrap_or(0);
    if get(incoming)? == get(outgoing)? + get("held")? + in_hand + discarded {
        Ok(())
    } else {
        Err(format!(
            "{incoming} is not {outgoing} + held + discarded: {member}"
        ))
    }
}

#[test]
fn an_account_that_does_not_balance_is_seen() {
    let accounts = |input: u64, queue: u64, action: u64| {
        Accounts(serde_json::json!({
            "inputs": [{"name": "imptcp", "received": 10, "enqueued": input, "held": 1,
                        "discarded_empty": 1, "discarded_full": 1}],
            "queues": [{"name": "main", "enqueued": queue, "acknowledged": queue - 2,
                        "held": 1, "in_hand": 1}],
            "actions": [{"name": "out", "taken": 9, "delivered": action, "held": 2,
                         "discarded_retries": 3}],
        }))
    };
    assert_eq!(accounts(7, 7, 4).balance(), Ok(()));
    for (wrong, word) in [
        (accounts(8, 8, 4), "received"),
        (accounts(7, 8, 4), "the inputs enqueued 7"),
        (accounts(7, 7, 5), "taken"),
    ] {
        let error = wrong.balance().unwrap_err();
        assert!(error.starts_with(word), "{error}");
    }
}
