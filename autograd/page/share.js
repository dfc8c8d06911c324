// What can be taken away from the page.

const TOOLS = [];
