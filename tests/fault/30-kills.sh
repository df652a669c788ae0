#!/bin/sh
# T60, the short form of the campaign: kills at random points, each file whole in the end.
exec "$(dirname "$0")/kill-campaign" 6 256
