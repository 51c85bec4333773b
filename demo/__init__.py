"""The sample store and the built-in receiver that `make run` shows. Off unless POSTRIDER_DEMO is on."""
