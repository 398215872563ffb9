-- Nothing: what a comparison of keys costs is little beside the rest of a statement here.

SELECT 1;
