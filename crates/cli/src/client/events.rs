//! Reads server-sent events from the pieces a connection delivers. Knows the framing only.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Last `id:` seen.
    pub(crate) id: Option<String>,
    /// `event:`.
    pub(crate) name: String,
    /// `data:` lines joined by line feeds.
    pub(crate) data: String,
}

/// Collects pieces until events are whole.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    rest: Vec<u8>,
    event: Event,
    has_data: bool,
}

impl EventReader {
    /// Adds a piece and returns the events it completed.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(piece);
        let mut events = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\n', '\r']), &mut events);
        }
        events
    }

    fn line(&mut self, line: &str, events: &mut Vec<Event>) {
        if line.is_empty() {
            let id = self.event.id.clone();
            let event = std::mem::take(&mut self.event);
            self.event.id = id;
            if std::mem::take(&mut self.has_data) {
                events.push(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            // Comments (an empty field name) keep the connection alive and mean nothing.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_the_connection_cuts_them() {
        let stream = b": hello\n\nid: 3\nevent: run\ndata: {\"a\":\ndata: 1}\n\nid:4\r\nevent:run\r\ndata:x\r\n\r\n";
        let expected = vec![
            Event {
                id: Some("3".to_owned()),
                name: "run".to_owned(),
                data: "{\"a\":\n1}".to_owned(),
            },
            Event {
                id: Some("4".to_owned()),
                name: "run".to_owned(),
                data: "x".to_owned(),
            },
        ];
        for size in 1..stream.len() {
            let mut reader = EventReader::default();
            let events: Vec<Event> = stream
                .chunks(size)
                .flat_map(|piece| reader.push(piece))
                .collect();
            assert_eq!(events, expected, "pieces of {size}");
        }
    }
}
