"""The dashboard: what the owner sees of the fleet, and switches. A process of its own, without any mote's key.

accounts   who may sign in, and as what: one file, hashes only
sessions   who has signed in
attempts   how often anybody may try
share      how much of it one account may have at a time
gate       what every request must show, and every answer carries
live       the owner's line, as tiles and pages are told of it
wire_view  a message as an eavesdropper sees it, part by part
site       the addresses of the page and of what it asks for
server     the site on a socket
static/    the page: our own HTML, CSS and JavaScript, and nothing from elsewhere
"""
