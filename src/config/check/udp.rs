//! Inputs of datagrams: one statement may make several listeners.

use crate::receive::ListenerOptions;

/// The listeners that an input makes: of imudp one for each of its ports, else the
/// one that it is.
pub(super) fn one_for_each_port(listener: ListenerOptions) -> Vec<ListenerOptions> {
    let Some(udp) = &listener.udp else {
        return vec![listener];
    };
    let of_port = |port: &u16| {
        let name = match udp.appends_port {
            true => format!("{}{port}", listener.name),
            false => listener.name.clone(),
        };
        ListenerOptions {
            port: *port,
            name,
            ..listener.clone()
        }
    };
    udp.ports.iter().map(of_port).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::receive::{FreeBind, ListenerOptions};

    fn listeners(statements: &str) -> (Vec<ListenerOptions>, String) {
        let text = format!("{statements}\n*.* /tmp/x\n");
        match Config::from_text("test.conf", &text) {
            Ok((config, warnings)) => (config.listeners, warnings.render(false)),
            Err(errors) => panic!("{text}\n{errors}"),
        }
    }

    fn errors(statements: &str) -> String {
        let text = format!("{statements}\n*.* /tmp/x\n");
        let errors = Config::from_text("test.conf", &text);
        errors.expect_err(&text).render(false)
    }

    #[test]
    fn each_port_of_an_input_is_a_listener() {
        let (found, warnings) = listeners(
            "module(load=\"imudp\" threads=\"2\")\n\
             input(type=\"imudp\" port=[\"514\", \"1514\"] name=\"net\" name.appendPort=\"on\" \
             address=\"*\" rcvbufSize=\"4m\" ipFreeBind=\"0\" device=\"lo\")\n\
             input(type=\"imudp\" port=\"2514\")\n",
        );
        assert_eq!(warnings, "");
        let names: Vec<_> = found.iter().map(|l| (l.name.as_str(), l.port)).collect();
        assert_eq!(names, [("net514", 514), ("net1514", 1514), ("imudp", 2514)]);
        let udp = found[1].udp.as_ref().expect("a listener for datagrams");
        assert_eq!(udp.receive_buffer_bytes, Some(4 << 20));
        assert_eq!((udp.sockets, udp.free_bind), (2, FreeBind::Off));
        assert_eq!(udp.device.as_deref(), Some("lo"));
        assert!(found[1].address.is_unspecified());
    }

    #[test]
    fn a_port_may_be_of_tcp_and_of_udp() {
        let (found, _) = listeners(
            "$ModLoad imudp\n$ModLoad imtcp\n$UDPServerAddress 127.0.0.1\n$UDPServerRun 514\n\
             $UDPServerRun 515\n$InputTCPServerRun 514\n$AllowedSender UDP, 192.0.2.0/24\n",
        );
        let is_udp: Vec<_> = found.iter().map(|l| l.udp.is_some()).collect();
        assert_eq!(is_udp, [true, true, false]);
        let counts: Vec<_> = found
            .iter()
            .map(|l| l.access.allowed_senders.len())
            .collect();
        assert_eq!(counts, [1, 1, 0]);
        assert!(found[1].address.is_loopback());
        let said = errors("$ModLoad imudp\n$UDPServerRun 514\n$UDPServerRun 514\n");
        assert!(said.contains("port 514 of :: is taken"), "{said}");
    }

    #[test]
    fn what_has_no_effect_or_no_place_is_told() {
        let (_, warnings) = listeners(
            "module(load=\"imudp\" timeRequery=\"8\" batchSize=\"64\")\n\
             input(type=\"imudp\" port=\"514\")\n$UDPServerTimeRequery 2\n",
        );
        for name in ["`timeRequery`", "`batchSize`", "$UDPServerTimeRequery"] {
            let expected = format!("{name} has no effect in Splashdam");
            assert!(warnings.contains(&expected), "{expected}: {warnings}");
        }
        for (statement, expected) in [
            (
                "input(type=\"imudp\" address=\"127.0.0.1\")",
                "input(type=\"imudp\") has no port",
            ),
            (
                "input(type=\"imudp\" port=[\"514\", \"65536\"])",
                "`port` takes a number from 0 to 65535, not `65536`",
            ),
            (
                "input(type=\"imudp\" port=\"514\" keepAlive=\"on\")",
                "input(type=\"imudp\") has no parameter `keepAlive`",
            ),
            (
                "module(load=\"imudp\" schedulingPolicy=\"fifo\")",
                "`schedulingPolicy` is rsyslog's, and not built",
            ),
        ] {
            let said = errors(&format!("module(load=\"imudp\")\n{statement}"));
            assert!(said.contains(expected), "{expected}: {said}");
        }
    }
}
