//! The properties of a message (rsyslog's documentation, "rsyslog Properties").

use super::time::DateFormat;
use crate::message::{Format, Message};
use crate::parse::tag;

/// A property that a template can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property {
    Msg,
    RawMsg,
    RawMsgAfterPri,
    Hostname,
    FromHost,
    FromHostIp,
    SyslogTag,
    ProgramName,
    Pri,
    PriText,
    /// Always `1`: what MonitorWare calls the unit type of syslog.
    Iut,
    Facility,
    FacilityText,
    Severity,
    SeverityText,
    /// `timereported`.
    TimeReported(DateFormat),
    /// `timegenerated`.
    TimeGenerated(DateFormat),
    ProtocolVersion,
    StructuredData,
    AppName,
    ProcId,
    MsgId,
    InputName,
}

/// Names, compared without case, and what they mean. A time is written as in
/// RFC 3164 unless an option says otherwise.
pub(super) const PROPERTIES: [(&str, Property); 27] = [
    ("msg", Property::Msg),
    ("rawmsg", Property::RawMsg),
    ("rawmsg-after-pri", Property::RawMsgAfterPri),
    ("hostname", Property::Hostname),
    ("source", Property::Hostname),
    ("fromhost", Property::FromHost),
    ("fromhost-ip", Property::FromHostIp),
    ("syslogtag", Property::SyslogTag),
    ("programname", Property::ProgramName),
    ("pri", Property::Pri),
    ("pri-text", Property::PriText),
    ("iut", Property::Iut),
    ("syslogfacility", Property::Facility),
    ("syslogfacility-text", Property::FacilityText),
    ("syslogseverity", Property::Severity),
    ("syslogpriority", Property::Severity),
    ("syslogseverity-text", Property::SeverityText),
    ("syslogpriority-text", Property::SeverityText),
    ("timereported", Property::TimeReported(DateFormat::Rfc3164)),
    ("timestamp", Property::TimeReported(DateFormat::Rfc3164)),
    (
        "timegenerated",
        Property::TimeGenerated(DateFormat::Rfc3164),
    ),
    ("protocol-version", Property::ProtocolVersion),
    ("structured-data", Property::StructuredData),
    ("app-name", Property::AppName),
    ("procid", Property::ProcId),
    ("msgid", Property::MsgId),
    ("inputname", Property::InputName),
];

/// Properties of rsyslog that are not built, beside those that begin with `$`.
pub(super) const NOT_BUILT: [&str; 3] = ["uuid", "jsonmesg", "parsesuccess"];

impl Property {
    /// The property's bytes, where they lie in the message or its source as
    /// they are.
    #[inline(always)]
    pub(super) fn slice<'a>(self, message: &Message<'a>) -> Option<&'a [u8]> {
        Some(match self {
            Property::Msg => message.msg(),
            Property::RawMsg => message.text,
            Property::RawMsgAfterPri => after_pri(message.text),
            Property::Hostname => tag::hostname(message),
            Property::FromHost => message.source.host.as_bytes(),
            Property::FromHostIp => message.source.address.as_bytes(),
            Property::SyslogTag if message.header.format == Format::Rfc3164 => {
                message.part(message.header.tag)
            }
            Property::ProgramName => tag::program_name(message),
            Property::Iut => b"1",
            Property::FacilityText => message.header.priority.facility().name().as_bytes(),
            Property::SeverityText => message.header.priority.severity().name().as_bytes(),
            Property::ProtocolVersion => match message.header.format {
                Format::Rfc3164 => b"0",
                Format::Rfc5424 => b"1",
            },
            Property::StructuredData => tag::structured_data(message),
            Property::AppName => tag::app_name(message),
            Property::ProcId => tag::proc_id(message),
            Property::MsgId => tag::msg_id(message),
            Property::InputName => message.source.input.as_bytes(),
            Property::SyslogTag
            | Property::Pri
            | Property::PriText
            | Property::Facility
            | Property::Severity
            | Property::TimeReported(_)
            | Property::TimeGenerated(_) => return None,
        })
    }

    /// The same time in another format; `None` if this is not a time.
    pub(super) fn with_date_format(self, format: DateFormat) -> Option<Property> {
        match self {
            Property::TimeReported(_) => Some(Property::TimeReported(format)),
            Property::TimeGenerated(_) => Some(Property::TimeGenerated(format)),
            _ => None,
        }
    }
}

/// What follows a PRI that can be used; all of `text` where there is none.
fn after_pri(text: &[u8]) -> &[u8] {
    let Some(behind) = text.strip_prefix(b"<") else {
        return text;
    };
    let digits = behind.iter().take_while(|byte| byte.is_ascii_digit());
    let len = digits.clone().count();
    let value = digits.fold(0u32, |value, &digit| {
        value
            .saturating_mul(10)
            .saturating_add(u32::from(digit - b'0'))
    });
    match behind[len..].strip_prefix(b">") {
        Some(rest) if value <= 191 => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_usable_pri_is_taken_off() {
        assert_eq!(after_pri(b"<191>x"), b"x");
        assert_eq!(after_pri(b"<>x"), b"x");
        for text in [
            &b"<192>x"[..],
            b"<1x>",
            b"<13",
            b"x",
            b"",
            b"<99999999999>x",
        ] {
            assert_eq!(after_pri(text), text);
        }
    }
}
