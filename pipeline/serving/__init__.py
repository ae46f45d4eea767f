"""The pushed model as a server sees it: a replay of its warm-up requests, and a page on how to serve it."""
