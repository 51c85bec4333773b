"""ADMIN | EXPORTS: the one page with the export profiles on the left and their routing on the right."""

from exports.admin.board.addresses import urls

__all__ = ["urls"]
