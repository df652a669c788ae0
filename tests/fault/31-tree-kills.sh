#!/bin/sh
# T60, trees: the short form of the campaign.
exec "$(dirname "$0")/tree-kill-campaign" "${COUNT:-8}" 600 16
