"""Calls of workers to a chief: each says which search it is for, and others are refused.

Knows gRPC, and neither Keras nor keras-tuner, which take long to import.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import grpc

KEY = "cnn-study-search"
"""What the fingerprint of the search is called in the metadata of a call."""

REFUSED = grpc.StatusCode.FAILED_PRECONDITION


def mark(stub: Any, fingerprint: str) -> None:
    """Let every call of a stub say that it is for the search with this fingerprint."""
    calls = vars(stub)
    marked = ((KEY, fingerprint),)
    calls |= {name: partial(call, metadata=marked) for name, call in calls.items()}


class OneSearch(grpc.ServerInterceptor):
    """Refuses calls that are for another search, before they reach an oracle.

    A worker may come upon a chief of another search even while it trains: one that was started at
    the same address after its own. Trials have the same numbers in every search.
    """

    def __init__(self, fingerprint: str) -> None:
        self.mark = (KEY, fingerprint)

    def intercept_service(
        self,
        continuation: Callable[[Any], Any],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Let a call through, or give who refuses it."""
        if self.mark in handler_call_details.invocation_metadata:
            return continuation(handler_call_details)
        return grpc.unary_unary_rpc_method_handler(self._refuse)

    def _refuse(self, request: Any, context: grpc.ServicerContext) -> None:
        context.abort(REFUSED, "The chief here goes through another search.")
