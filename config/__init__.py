"""The wiring: settings, addresses, channels, schedules. Imports every app; nothing imports it."""
