(() => {
  try {
    const theme = localStorage.getItem("liebig.theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch {
    return;
  }
})();
